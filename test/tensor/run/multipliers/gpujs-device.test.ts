/** What becomes of a multiplier when its WebGPU device goes wrong by itself. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, vi } from 'vitest'
import type * as Adapter from '../../../../src/tensor/run/multipliers/webgpu-adapter.js'
import { gpuJs } from '../../../../src/tensor/run/multipliers/gpujs.js'
import type { Contraction } from '../../../../src/tensor/program/kernel.js'
import { itOnWebGpu } from './webgpu.js'

/** The devices that multipliers have been given, in order: the real ones, watched on their way. */
const devices: Array<GPUDevice> = []

vi.mock('../../../../src/tensor/run/multipliers/webgpu-adapter.js', async (original) => {
  const actual = await original<typeof Adapter>()
  return {
    ...actual,
    requestAdapter: pipe(
      actual.requestAdapter,
      TE.map(({ gpu, adapter }) => ({
        gpu,
        adapter: {
          info: adapter.info,
          limits: adapter.limits,
          requestDevice: async (wanted: GPUDeviceDescriptor) => {
            const device = await adapter.requestDevice(wanted)
            devices.push(device)
            return device
          }
        }
      }))
    )
  }
})

const dot: Contraction = {
  batch: [],
  m: 1,
  n: 1,
  k: 2,
  left: { offset: 0, batch: [], row: 2, column: 1 },
  right: { offset: 0, batch: [], row: 1, column: 1 }
}

const opened = async () => {
  const multiplier = await gpuJs('webgpu')()
  if (E.isLeft(multiplier)) throw new Error(JSON.stringify(multiplier.left))
  const multiply = multiplier.right.prepare(dot)
  if (E.isLeft(multiply)) throw new Error(JSON.stringify(multiply.left))
  const device = devices.at(-1)
  if (device === undefined) throw new Error('no device was asked for')
  const operand = Float32Array.of(3, 4)
  return {
    device,
    release: multiplier.right.release,
    run: () => multiply.right(operand, operand, new Float32Array(1))()
  }
}

describe('a multiplier whose WebGPU device', () => {
  itOnWebGpu('is lost says so, in that run and in every later one', async () => {
    const { device, release, run } = await opened()
    expect(E.isRight(await run())).toBe(true)
    device.destroy()
    await device.lost
    for (const found of [await run(), await run()]) {
      expect(found).toMatchObject({ _tag: 'Left', left: { _tag: 'DeviceFailed', device: 'gpu.js:webgpu' } })
      expect(JSON.stringify(found)).toContain('lost')
    }
    await release()
  })

  itOnWebGpu('reports an error outside of any call answers no run after it, for its numbers may be wrong', async () => {
    const { device, release, run } = await opened()
    expect(E.isRight(await run())).toBe(true)
    // A buffer cannot be mapped both ways: a validation error that no scope catches.
    device.createBuffer({ size: 4, usage: 0x0001 | 0x0002 })
    await device.queue.onSubmittedWorkDone()
    expect(await run()).toMatchObject({ _tag: 'Left', left: { _tag: 'DeviceFailed', device: 'gpu.js:webgpu' } })
    await release()
  })

  itOnWebGpu('is released has it destroyed', async () => {
    const { device, release } = await opened()
    await release()
    expect(await device.lost).toMatchObject({ reason: 'destroyed' })
  })
})
