import { describe, expect, it } from 'vitest'
import { totalOf, groupKernels } from '../../../src/electra/profile/cost.js'
import { profile, type ProfileSettings } from '../../../src/electra/profile/profile.js'
import { runKeys } from '../../../src/electra/pretraining/keys.js'
import { runRounds } from '../../../src/electra/profile/rounds.js'
import { shardToProfile } from '../../../src/electra/profile/shard.js'
import { loadStep, plannedBytes } from '../../../src/electra/profile/step.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { left, right, rightOf } from '../data/right.js'
import { least } from '../training/runs.js'
import { itOnWebGpu } from '../../tensor/run/multipliers/webgpu.js'
import { webgpu } from '../../../src/tensor/run/webgpu/webgpu.js'

const settings: ProfileSettings = {
  config: least(),
  vocabSize: 100,
  examples: 2,
  corpus: undefined,
  rounds: 1,
  seed: 1
}

describe('a profile', () => {
  it('has every kernel of both programs, in groups that take no longer than the whole', async () => {
    const { programs, limits, traceSeconds } = await rightOf(profile(wasm(), settings))
    const step = await rightOf(loadStep(wasm(), settings))
    expect(programs.map(({ name }) => name)).toEqual(['shardGrad', 'update'])
    programs.forEach(({ name, groups, seconds, loadSeconds, workingBytes }) => {
      const { kernels, workingBytes: planned } = step[name].executable
      if (kernels === undefined) throw new Error('the device has no kernels')
      const all = totalOf(groups)
      expect({ ...all, seconds: 0 }).toEqual(
        totalOf(
          groupKernels(
            kernels,
            wasmLimits,
            kernels.kernels.map(() => 0)
          )
        )
      )
      // Of one round the medians are that round's own times.
      expect(all.seconds).toBeLessThanOrEqual(seconds)
      expect(workingBytes).toBe(planned)
      expect(loadSeconds).toBeGreaterThan(0)
    })
    expect(traceSeconds).toBeGreaterThan(0)
    expect(limits.flopsPerSecond).toBeGreaterThan(0)
    expect(limits.bytesPerSecond).toBeGreaterThan(0)
    expect(Number.isInteger(Math.log2(limits.n))).toBe(true)
  })

  it('plans two states, gradients and metrics, the inputs of both programs, and the most that one works with', async () => {
    const { plannedBytes: planned, peakBytes } = await rightOf(profile(wasm(), settings))
    const device = wasm()
    const step = await rightOf(loadStep(device, settings))
    const keys = runKeys(settings.seed)
    const shard = right(shardToProfile(step.config, settings, keys))
    expect(right(device.memory()).inUse()).toBe(0)
    // What a memory that has never had anything else has given out in the end.
    await rightOf(runRounds(device, step, shard, keys.parameters, 1))
    const { inUse } = right(device.memory())
    expect(planned).toBe(inUse())
    expect(plannedBytes(device, step)).toBe(planned)
    expect(peakBytes).toBeGreaterThan(planned)
    step.release()
    const working = [step.shardGrad, step.update].map(({ executable }) => executable.workingBytes)
    expect(inUse()).toBeLessThanOrEqual(Math.max(...working, planned / 2))
  })

  it('is refused by a device that has no kernels', async () => {
    const device = reference({ floats: 'float32' })
    expect(left(await profile(device, settings)())).toMatchObject({ _tag: 'Unsupported', device: 'reference' })
  })

  itOnWebGpu('of a GPU has every kernel of the step that training there takes, by the clock of the GPU', async () => {
    const device = await rightOf(webgpu())
    try {
      const { programs, clock, limits } = await rightOf(profile(device, settings))
      const step = await rightOf(loadStep(device, settings))
      const { update: plain } = step.programs.stages[0].step
      step.release()
      expect(clock).toBe('device')
      programs.forEach(({ name, groups, launches, seconds }) => {
        const { kernels, launches: planned } = step[name].executable
        expect(totalOf(groups).kernels).toBe(kernels?.kernels.length)
        expect(groups.every((group) => group.seconds >= 0)).toBe(true)
        expect(totalOf(groups).seconds).toBeGreaterThan(0)
        expect(launches).toBe(planned)
        expect(seconds).toBeGreaterThan(0)
      })
      // The arrays that are updated alike are one.
      const apart = right(device.load(plain.program))
      expect(programs[1].launches).toBeLessThan(apart.launches ?? 0)
      expect(Math.min(limits.flopsPerSecond, limits.bytesPerSecond)).toBeGreaterThan(0)
    } finally {
      await device.release()
    }
  })
})
