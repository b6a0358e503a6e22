import { describe, expect, it } from 'vitest'
import { totalOf, groupKernels } from '../../../src/electra/profile/cost.js'
import { profile, type ProfileSettings } from '../../../src/electra/profile/profile.js'
import { loadStep } from '../../../src/electra/profile/step.js'
import { outputSpecs } from '../../../src/tensor/program/program.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { layOut } from '../../../src/workers/pool/layout.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { left, right, rightOf } from '../data/right.js'
import { least } from '../training/runs.js'

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
    const step = right(loadStep(wasm(), settings))
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
    const { plannedBytes, peakBytes } = await rightOf(profile(wasm(), settings))
    const device = wasm()
    const { programs, shardGrad, update } = right(loadStep(device, settings))
    const {
      stages: [{ step }],
      initial
    } = programs
    const given = step.update.program.inputs
    const { bytes } = layOut('float32', {
      banks: [given.slice(0, step.state), given.slice(0, step.state)],
      shard: step.shardGrad.program.inputs.slice(step.reads.length),
      sums: outputSpecs(step.shardGrad.program),
      update: given.slice(step.state + step.gradients),
      report: outputSpecs(step.update.program).slice(step.state)
    })
    // Parameters are drawn with a key and constants that lie elsewhere, and are copied in for that.
    const drawing = right(device.load(initial.program)).workingBytes + layOut('float32', initial.program.inputs).bytes
    const working = [shardGrad, update].map(({ executable }) => executable.workingBytes)
    expect(plannedBytes).toBe(bytes + Math.max(...working, drawing))
    expect(peakBytes).toBeGreaterThan(plannedBytes)
  })

  it('is refused by a device that has no kernels', async () => {
    const device = reference({ floats: 'float32' })
    expect(left(await profile(device, settings)())).toMatchObject({ _tag: 'Unsupported', device: 'reference' })
  })
})
