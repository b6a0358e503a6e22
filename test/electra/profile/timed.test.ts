import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { timed, type Placed } from '../../../src/electra/profile/timed.js'
import type { DeviceError } from '../../../src/tensor/index.js'
import { left, rightOf } from '../data/right.js'

const failure: DeviceError = { _tag: 'DeviceFailed', device: 'broken', reason: 'as told' }

/** A program of so many kernels on a device that says how long each took, or says nothing; and what is asked of it, in order. */
const placedOn = (seconds: ReadonlyArray<number | undefined>, log: Array<string> = []): Placed => ({
  inputs: [],
  outputs: [],
  executable: {
    run: (_inputs, _outputs, observe) => () => {
      log.push(observe === undefined ? 'run' : 'watched run')
      seconds.forEach((each, k) => observe?.(k, each))
      return E.right(undefined)
    }
  },
  settled: () => {
    log.push('settled')
    return Promise.resolve(E.right(undefined))
  }
})

describe('a timed run', () => {
  it('has the times that the device tells, and as a whole a run that nobody watches, until it is done', async () => {
    const times = fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(times, async (seconds) => {
        const log: Array<string> = []
        const { kernels, clock, whole } = await rightOf(timed(placedOn(seconds, log)))
        expect({ kernels, clock }).toEqual({ kernels: seconds, clock: 'device' })
        expect(log).toEqual(['watched run', 'run', 'settled'])
        expect(whole).toBeGreaterThan(0)
      })
    )
  })

  it("has times by this process's clock where the device tells none, of one run, the first kernel's 0", async () => {
    const counts = fc.nat({ max: 8 })
    await fc.assert(
      fc.asyncProperty(counts, async (count) => {
        const log: Array<string> = []
        const silent = Array.from({ length: count }, () => undefined)
        const { kernels, clock, whole } = await rightOf(timed(placedOn(silent, log)))
        expect(clock).toBe('process')
        expect(log).toEqual(['watched run'])
        expect(kernels).toHaveLength(count)
        if (count > 0) expect(kernels[0]).toBe(0)
        expect(kernels.every((each) => each >= 0)).toBe(true)
        expect(kernels.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(whole)
      })
    )
  })

  it('is the failure of either run, or of waiting for it', async () => {
    const failing = { run: () => () => E.left(failure) }
    expect(left(await timed({ ...placedOn([1]), executable: failing })())).toEqual(failure)
    expect(left(await timed({ ...placedOn([1]), settled: () => Promise.resolve(E.left(failure)) })())).toEqual(failure)
  })
})
