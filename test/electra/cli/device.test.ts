import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { choiceOf, type DeviceOptions } from '../../../src/electra/cli/device.js'
import { executionOf } from '../../../src/electra/cli/run-command.js'
import { deviceNames } from '../../../src/tensor/run/choose.js'

const options = (more: Partial<DeviceOptions>): DeviceOptions => ({
  device: 'webgpu',
  matmul: 'auto',
  relaxedSimd: false,
  ...more
})

describe('the choice of a device', () => {
  it('takes an adapter for webgpu, and for no other device', () => {
    for (const device of deviceNames) {
      const chosen = choiceOf(options({ device, adapter: 1 }))()
      if (device === 'webgpu') expect(chosen).toMatchObject(E.right({ device, adapter: 1 }))
      else expect(chosen).toMatchObject(E.left({ exit: 2, message: expect.stringMatching(/^--adapter: /) as unknown }))
    }
  })

  it('refuses relaxed SIMD on a GPU, which has none', () => {
    expect(choiceOf(options({ relaxedSimd: true }))()).toMatchObject(E.left({ exit: 2 }))
  })

  it('of a run has the adapter that is asked for, on the device that the run had', () => {
    const where = { device: 'webgpu', multiplier: 'own', workers: 1, ranks: 1, relaxedSimd: false }
    const record = { checkpointEvery: 1, keepCheckpoints: 1, starts: [{ ...where, step: 0 }] }
    expect(executionOf({ adapter: 1 }, record, record)).toMatchObject({ device: 'webgpu', adapter: 1 })
  })
})
