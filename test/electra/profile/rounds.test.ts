import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { runRounds } from '../../../src/electra/profile/rounds.js'
import { shardToProfile } from '../../../src/electra/profile/shard.js'
import { loadStep, type LoadedProgram, type LoadedStep } from '../../../src/electra/profile/step.js'
import type { Timed } from '../../../src/electra/profile/timed.js'
import { runKeys } from '../../../src/electra/pretraining/keys.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import type { Device, DeviceError } from '../../../src/tensor/index.js'
import type { ProgramArray } from '../../../src/tensor/run/device.js'
import { isBuffer } from '../../../src/tensor/run/device.js'
import { settling } from '../../../src/tensor/run/settling.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { inProcess, pooledFold, type Arrays } from '../../../src/workers/index.js'
import { left, right, rightOf } from '../data/right.js'
import { itOnWebGpu } from '../../tensor/run/multipliers/webgpu.js'
import { webgpu } from '../../../src/tensor/run/webgpu/webgpu.js'
import { corpusIn, least, remove, temporary, textOf } from '../training/runs.js'

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

const seed = 3
const keys = runKeys(seed)

/** A step of `examples` examples on a device of its own. */
const stepOf = async (examples: number, device: Device = wasm()) => {
  const vocabSize = corpus.vocabulary.pieces.length
  const step = await rightOf(loadStep(device, { config: least(), vocabSize, examples }))
  const shard = right(shardToProfile(step.config, { corpus, vocabSize }, keys))
  const run = (loaded: LoadedStep, rounds: number) => runRounds(device, loaded, shard, keys.parameters, rounds)
  const read = async (arrays: ReadonlyArray<ProgramArray>): Promise<Arrays> =>
    rightOf(settling(device.read)(arrays.filter(isBuffer)))
  return { step, run, read }
}

type Seen = { readonly inputs: Arrays; readonly outputs: Arrays }

/** The program, with copies of what it is given and what it makes put into `runs`. */
const watched = (
  loaded: LoadedProgram,
  read: (arrays: ReadonlyArray<ProgramArray>) => Promise<Arrays>,
  runs: Array<Seen>
): LoadedProgram => {
  const { run } = loaded.executable
  return {
    ...loaded,
    executable: {
      ...loaded.executable,
      run: (inputs, outputs, observe) => async () => {
        const given = await read(inputs)
        const ran = await run(inputs, outputs, observe)()
        runs.push({ inputs: given, outputs: await read(outputs) })
        return ran
      }
    }
  }
}

describe('rounds', () => {
  it('time every kernel, never below 0, and all of them together no longer than the whole', async () => {
    const { step, run } = await stepOf(2)
    const rounds = await rightOf(run(step, 5))
    for (const name of ['shardGrad', 'update'] as const) {
      expect(rounds[name]).toHaveLength(5)
      rounds[name].forEach(({ whole, kernels }: Timed) => {
        expect(kernels).toHaveLength(step[name].executable.kernels?.kernels.length ?? 0)
        expect(kernels.every((seconds) => seconds >= 0)).toBe(true)
        const sum = kernels.reduce((a, b) => a + b, 0)
        // Rounding is nothing beside what the whole has more: the first kernel, which counts as 0.
        expect(sum).toBeLessThanOrEqual(whole)
      })
    }
  })

  it('begin with the very step that a run of one shard takes first, and go on from what each has left', async () => {
    const { step, run, read } = await stepOf(4)
    const [gradients, updates]: [Array<Seen>, Array<Seen>] = [[], []]
    const loaded = {
      ...step,
      shardGrad: watched(step.shardGrad, read, gradients),
      update: watched(step.update, read, updates)
    }
    await rightOf(run(loaded, 2))
    expect(gradients).toHaveLength(updates.length)
    expect(updates.length).toBeGreaterThanOrEqual(2)

    const { state, reads, gradients: count } = step.programs.stages[0].step
    updates.forEach(({ inputs }, n) => {
      const before = inputs.slice(0, state)
      if (n > 0) expect(before).toEqual(updates[n - 1].outputs.slice(0, state))
      expect(gradients[n].inputs.slice(0, reads.length)).toEqual(reads.map((i) => before[i]))
      expect(inputs.slice(state, state + count)).toEqual(gradients[n].outputs.slice(0, count))
      expect(inputs[state + count]).toEqual(Int32Array.of(n))
    })

    const settings = { config: step.config, corpus, seed, totalSteps: 10_000 }
    const session = await rightOf(pretrainingSession(settings)(pooledFold(inProcess(wasm()))))
    await rightOf(session.step(0))
    const { params, optimizer } = await rightOf(session.read)
    const [first] = updates
    expect([...optimizer, ...params].map(({ data }) => data)).toEqual(first.outputs.slice(0, state))
  })

  it.each(['shardGrad', 'update'] as const)('pass on the failure of %s, and stop', async (name) => {
    const { step, run, read } = await stepOf(2)
    const error: DeviceError = { _tag: 'DeviceFailed', device: 'broken', reason: 'as told' }
    const runs: Array<Seen> = []
    const failing: LoadedProgram = {
      ...step[name],
      executable: { ...step[name].executable, run: () => () => Promise.resolve(E.left(error)) }
    }
    const loaded = {
      ...step,
      shardGrad: watched(step.shardGrad, read, runs),
      update: watched(step.update, read, runs),
      [name]: failing
    }
    expect(left(await run(loaded, 3)())).toEqual(error)
    expect(runs).toHaveLength(name === 'shardGrad' ? 0 : 1)
  })

  itOnWebGpu('on a GPU take the same step as on a CPU, but for rounding, with the arrays side by side', async () => {
    const metricsOn = async (device: Device): Promise<ReadonlyArray<Arrays>> => {
      const { step, run, read } = await stepOf(2, device)
      const runs: Array<Seen> = []
      await rightOf(run({ ...step, shardGrad: watched(step.shardGrad, read, runs) }, 1))
      step.release()
      const { gradients } = step.programs.stages[0].step
      return runs.map(({ outputs }) => outputs.slice(gradients))
    }
    const device = await rightOf(webgpu())
    const [gpu, cpu] = [await metricsOn(device), await metricsOn(wasm())]
    await device.release()
    // A device that keeps time runs everything twice.
    expect(gpu.length).toBe(2 * cpu.length)
    cpu.forEach((arrays, n) =>
      arrays.forEach((metric, i) =>
        metric.forEach((x, j) => {
          const again = [gpu[2 * n][i][j], gpu[2 * n + 1][i][j]]
          expect(again[1]).toBe(again[0])
          expect(Math.abs(again[0] - x)).toBeLessThanOrEqual(1e-3 * Math.max(1, Math.abs(x)))
        })
      )
    )
  })
})
