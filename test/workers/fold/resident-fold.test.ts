import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { lower } from '../../../src/tensor/program/lower.js'
import type { Device, HostDevice, DeviceError } from '../../../src/tensor/run/device.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { webgpu } from '../../../src/tensor/run/webgpu/webgpu.js'
import { binaryNode, inputNode } from '../../../src/tensor/tensor.js'
import type { WorkerError } from '../../../src/workers/error.js'
import type { Arrays, Fold, FoldMaker, Step } from '../../../src/workers/fold/fold.js'
import { pooledFold } from '../../../src/workers/fold/pooled-fold.js'
import { residentFold } from '../../../src/workers/fold/resident-fold.js'
import { inProcess } from '../../../src/workers/pool/in-process.js'
import { itOnWebGpu } from '../../tensor/run/multipliers/webgpu.js'
import { batch, bitsOf, heldOut, initialState, perceptron } from '../perceptron.js'

const value = async <L, A>(task: TE.TaskEither<L, A>): Promise<A> => {
  const answer = await task()
  if (E.isLeft(answer)) throw new Error(JSON.stringify(answer.left))
  return answer.right
}

const f32 = (): HostDevice<'sync'> => reference({ floats: 'float32' })

const begun = async (maker: FoldMaker, step: Step): Promise<Fold> => {
  const fold = await value(maker.make(step))
  await value(fold.write(initialState()))
  return fold
}

const begin = (step: Step, device: Device = f32()): Promise<Fold> => begun(residentFold(device), step)

const rate = Float32Array.of(0.005)

type Trained = {
  readonly metrics: ReadonlyArray<Arrays>
  readonly reports: ReadonlyArray<Arrays>
  readonly state: Arrays
}

/** Steps one after the other, or all called at once. */
const trained = async (fold: Fold, shards: number, steps: number, overlap = false): Promise<Trained> => {
  const calls = Array.from({ length: steps }, (_, step) => () => value(fold.step(batch(step, shards), [rate])))
  const outputs = []
  if (overlap) outputs.push(...(await Promise.all(calls.map((call) => call()))))
  else for (const call of calls) outputs.push(await call())
  return {
    metrics: outputs.map(({ metrics }) => metrics),
    reports: outputs.map(({ report }) => report),
    state: await value(fold.read)
  }
}

const allBits = ({ metrics, reports, state }: Trained): unknown => [
  metrics.map(bitsOf),
  reports.map(bitsOf),
  bitsOf(state)
]

/** A device whose `n`-th run fails so. */
const failingAt = (n: number, error: DeviceError): Device<'sync'> => {
  const device = f32()
  let runs = 0
  return {
    ...device,
    load: (program) =>
      E.Functor.map(device.load(program), (executable) => ({
        ...executable,
        run: (inputs, outputs) => () => (++runs === n ? E.left(error) : executable.run(inputs, outputs)())
      }))
  }
}

const failed: DeviceError = { _tag: 'DeviceFailed', device: 'failing', reason: 'lost' }
const full: DeviceError = { _tag: 'OutOfMemory', wanted: 10, inUse: 5, limit: 12 }

/** Twice its inputs, of the shapes of the second layer's weights and the first's. */
const doubled = pipe([inputNode('w2', [5, 1], 'f32'), inputNode('w1', [6, 5], 'f32')], (inputs) =>
  lower(
    inputs.map((x, i) => ({ name: String(i), tensor: binaryNode('add', x, x) })),
    inputs
  )
)
const [w1, w2] = [Float32Array.from({ length: 30 }, (_, i) => i / 8), Float32Array.from({ length: 5 }, (_, i) => -i)]

describe('a fold on a device', () => {
  it.each([1, 2, 3, 4, 5, 6, 7])('gives the bits of a fold on a pool of %i shards', async (shards) => {
    const resident = await trained(await begin(perceptron(shards)), shards, 4)
    const pooled = await trained(await begun(pooledFold(inProcess(f32())), perceptron(shards)), shards, 4)
    expect(allBits(resident)).toEqual(allBits(pooled))
  })

  it.each([1, 3])('gives the same where steps of %i shards are called before others have settled', async (shards) => {
    const awaited = await trained(await begin(perceptron(shards)), shards, 6)
    const overlapping = await trained(await begin(perceptron(shards)), shards, 6, true)
    expect(allBits(overlapping)).toEqual(allBits(awaited))
  })

  it('settles steps in order, whichever answer of the device comes first', async () => {
    const device = f32()
    let reads = 0
    const slow: Device<'async'> = {
      ...device,
      timing: 'async',
      allocate: (specs) => () => Promise.resolve(device.allocate(specs)()),
      write: (buffers, arrays) => () => Promise.resolve(device.write(buffers, arrays)()),
      allocateBlock: (shapes) => () => Promise.resolve(device.allocateBlock(shapes)()),
      // Each is copied when it is asked for, and the first is there last.
      read: (buffers) => () => {
        const answer = device.read(buffers)()
        return new Promise((resolve) => setTimeout(() => resolve(answer), [20, 1][reads++] ?? 1))
      },
      load: (program) =>
        E.Functor.map(device.load(program), (executable) => ({
          ...executable,
          run: (inputs, outputs) => () => Promise.resolve(executable.run(inputs, outputs)())
        }))
    }
    const fold = await begin(perceptron(2), slow)
    const settled: Array<number> = []
    const steps = [0, 1].map(async (step) => {
      const { metrics } = await value(fold.step(batch(step, 2), [rate]))
      settled.push(step)
      return metrics
    })
    const found = await Promise.all(steps)
    expect(settled).toEqual([0, 1])
    const whole = await trained(await begin(perceptron(2)), 2, 2)
    expect(found.map(bitsOf)).toEqual(whole.metrics.map(bitsOf))
  })

  it('continues bit for bit from a state that was read and written', async () => {
    const straight = await trained(await begin(perceptron(2)), 2, 3)
    const first = await begin(perceptron(2))
    await value(first.step(batch(0, 2), [rate]))
    const second = await begin(perceptron(2))
    await value(second.write(await value(first.read)))
    for (const step of [1, 2]) await value(second.step(batch(step, 2), [rate]))
    expect(bitsOf(await value(second.read))).toEqual(bitsOf(straight.state))
  })

  it('is all zeros before it is written', async () => {
    const fold = await value(residentFold(f32()).make(perceptron(2)))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(initialState().map((x) => x.slice().fill(0))))
  })

  it.each([1, 2])('fills arrays of the state in their places, after %i steps', async (steps) => {
    const fold = await begin(perceptron(2))
    const { state } = await trained(fold, 2, steps)
    await value(fold.fill('weights', doubled, [4, 3], [w2, w1]))
    const expected = state.map((x, i) => (i === 3 ? w1.map((w) => 2 * w) : i === 4 ? w2.map((w) => 2 * w) : x))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(expected))
  })

  it.each([1, 3, 5])('evaluates on %i shards what a pool does, without changing the state', async (shards) => {
    const folds = [await begin(perceptron(shards)), await begun(pooledFold(inProcess(f32())), perceptron(shards))]
    const [found, wanted] = await Promise.all(
      folds.map(async (fold) => {
        await value(fold.step(batch(0, shards), [rate]))
        const before = bitsOf(await value(fold.read))
        const evaluate = await value(fold.evaluation('held out', heldOut()))
        const losses = bitsOf(await value(evaluate(batch(9, shards))))
        expect(bitsOf(await value(fold.read))).toEqual(before)
        return losses
      })
    )
    expect(found).toEqual(wanted)
  })

  it('takes memory for as many sums of shards as its tree is deep, however many there are', async () => {
    const sets = async (shards: number): Promise<number> => {
      const fold = await begin(perceptron(shards))
      await value(fold.step(batch(0, shards), [rate]))
      return fold.memory().sets
    }
    expect([await sets(1), await sets(2), await sets(7)]).toEqual([1, 3, 4])
  })

  it('works on the wasm device, within rounding of the reference', async () => {
    const [found, wanted] = [await begin(perceptron(3), wasm()), await begin(perceptron(3))]
    const [a, b] = [await trained(found, 3, 3), await trained(wanted, 3, 3)]
    a.state.forEach((x, i) => x.forEach((v, j) => expect(Math.abs(v - b.state[i][j])).toBeLessThan(1e-3)))
  })
})

describe('a fold on a device that fails', () => {
  // Two shards, their sum, the update.
  it.each([1, 2, 3, 4])('is torn when run %i of a step fails, and goes on from a state that is written', async (n) => {
    const fold = await begin(perceptron(2), failingAt(n, failed))
    const torn = E.left({ _tag: 'StateTorn', cause: failed })
    expect(await fold.step(batch(0, 2), [rate])()).toMatchObject(torn)
    expect(await fold.step(batch(0, 2), [rate])()).toMatchObject(torn)
    expect(await fold.read()).toMatchObject(torn)
    await value(fold.write(initialState()))
    const after = await trained(fold, 2, 2)
    expect(allBits(after)).toEqual(allBits(await trained(await begin(perceptron(2)), 2, 2)))
  })

  it.each([1, 2, 3, 4])('has its state as it was where memory runs out in run %i', async (n) => {
    const fold = await begin(perceptron(2), failingAt(n, full))
    expect(await fold.step(batch(0, 2), [rate])()).toMatchObject(E.left(full))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(initialState()))
    await value(fold.write(initialState()))
    const after = await trained(fold, 2, 2)
    expect(allBits(after)).toEqual(allBits(await trained(await begin(perceptron(2)), 2, 2)))
  })

  it.each([failed, full])('takes no step that was called before it failed: $_tag', async (error) => {
    const fold = await begin(perceptron(2), failingAt(1, error))
    const answers = await Promise.all([0, 1].map((step) => fold.step(batch(step, 2), [rate])()))
    expect(answers.map(E.isLeft)).toEqual([true, true])
    await value(fold.write(initialState()))
    const after = await trained(fold, 2, 2)
    expect(allBits(after)).toEqual(allBits(await trained(await begin(perceptron(2)), 2, 2)))
  })

  it('is torn where filling it fails', async () => {
    const fold = await begin(perceptron(2), failingAt(1, failed))
    const torn = E.left({ _tag: 'StateTorn', cause: failed })
    expect(await fold.fill('weights', doubled, [4, 3], [w2, w1])()).toMatchObject(torn)
    expect(await fold.step(batch(0, 2), [rate])()).toMatchObject(torn)
  })

  it('gives back what it has taken where it cannot be made', async () => {
    const device = f32()
    let held = 0
    const counting: Device<'sync'> = {
      ...device,
      allocate: (specs) =>
        pipe(
          device.allocate(specs),
          (made) => () =>
            E.Functor.map(made(), (buffers) => {
              held++
              return { ...buffers, release: () => (held--, buffers.release()) }
            })
        )
    }
    const step = perceptron(2)
    const answer = await residentFold(counting).make({ ...step, update: step.shardGrad })()
    expect(answer).toMatchObject(E.left({ _tag: 'ProgramRejected' }))
    expect(held).toBe(0)
    const unloadable: Device<'sync'> = {
      ...counting,
      load: (program) => (program.inputs.length === 8 ? E.left(full) : device.load(program))
    }
    expect(await residentFold(unloadable).make(step)()).toMatchObject(E.left(full))
    expect(held).toBe(0)
  })
})

describe('a fold on a device refuses', () => {
  const good = perceptron(2)

  it.each<readonly [string, (data: ReadonlyArray<Arrays>) => ReadonlyArray<Arrays>, Arrays, string]>([
    ['a missing shard', ([first]) => [first], [rate], 'shardGrad'],
    ['a shard with an array too few', ([first, [x, y]]) => [first, [x, y]], [rate], 'shardGrad'],
    ['shards with an array too few', (data) => data.map(([x, y]) => [x, y]), [rate], 'shardGrad'],
    ['an array of a wrong size', ([[x, , key], second]) => [[x, x, key], second], [rate], 'shardGrad'],
    ['an array of a wrong type', ([[x, y], second]) => [[x, y, x.slice(0, 2)], second], [rate], 'shardGrad'],
    ['a missing input of the update', (data) => data, [], 'update']
  ])('%s', async (_, spoil, updateInputs, where) => {
    const fold = await begin(good)
    expect(await fold.step(spoil(batch(0, 2)), updateInputs)()).toMatchObject(E.left({ _tag: 'WrongInputs', where }))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(initialState()))
  })

  it.each<readonly [string, Step, string]>([
    ['no shards', { ...good, shards: 0 }, 'shardGrad'],
    ['a read outside the state', { ...good, reads: [3, 5] }, 'shardGrad'],
    ['reads in another order', { ...good, reads: [4, 3] }, 'shardGrad'],
    ['more gradients than there are outputs', { ...good, gradients: 5 }, 'shardGrad'],
    ['a state that is larger than the update takes', { ...good, state: 9 }, 'update'],
    ['gradients of other shapes than the update takes', { ...good, shardGrad: heldOut(), gradients: 1 }, 'update'],
    ['programs in the wrong places', { ...good, update: good.shardGrad }, 'update']
  ])('%s', async (_, step, program) => {
    expect(await residentFold(f32()).make(step)()).toMatchObject(E.left({ _tag: 'ProgramRejected', program }))
  })

  it('an evaluation whose outputs have no sum', async () => {
    const fold = await begin(good)
    const inputs = [inputNode('w1', [6, 5], 'f32'), inputNode('w2', [5, 1], 'f32'), inputNode('b', [2], 'bool')]
    const answer = await fold.evaluation('flags', lower([{ name: 'b', tensor: inputs[2] }], inputs))()
    expect(answer).toMatchObject(E.left({ _tag: 'ProgramRejected', program: 'flags' }))
  })

  it('an evaluation of a missing shard', async () => {
    const fold = await begin(good)
    const evaluate = await value(fold.evaluation('held out', heldOut()))
    expect(await evaluate(batch(0, 1))()).toMatchObject(E.left({ _tag: 'WrongInputs', where: 'held out' }))
  })

  it.each<readonly [string, ReadonlyArray<number>, Arrays, string]>([
    ['an array too few', [4], [w2, w1], 'ProgramRejected'],
    ['an array that is there twice', [4, 4], [w2, w1], 'ProgramRejected'],
    ['an array outside the state', [4, 5], [w2, w1], 'ProgramRejected'],
    ['arrays of other shapes', [3, 4], [w2, w1], 'ProgramRejected'],
    ['an input too few', [4, 3], [w2], 'WrongInputs']
  ])('to be filled with %s', async (_, positions, inputs, tag) => {
    const fold = await begin(good)
    const answer = await fold.fill('weights', doubled, positions, inputs)()
    expect(answer).toMatchObject(E.left({ _tag: tag, [tag === 'WrongInputs' ? 'where' : 'program']: 'weights' }))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(initialState()))
  })

  it('a state of other arrays', async () => {
    const fold = await begin(good)
    expect(await fold.write(initialState().slice(1))()).toMatchObject(E.left({ _tag: 'WrongInputs', where: 'state' }))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(initialState()))
  })
})

describe('a fold on a GPU', () => {
  const onGpu = async (work: (device: Device<'async'>) => Promise<void>): Promise<void> => {
    const device = await value(webgpu())
    try {
      await work(device)
    } finally {
      await device.release()
    }
  }

  itOnWebGpu('trains as the reference does, the same bits twice, awaited or not', () =>
    onGpu(async (device) => {
      const [first, second] = [await begin(perceptron(3), device), await begin(perceptron(3), device)]
      const [awaited, overlapping] = [await trained(first, 3, 4), await trained(second, 3, 4, true)]
      expect(allBits(overlapping)).toEqual(allBits(awaited))
      const wanted = await trained(await begin(perceptron(3)), 3, 4)
      // Counts of what dropout keeps are exact.
      expect(awaited.metrics.map(([, kept]) => kept)).toEqual(wanted.metrics.map(([, kept]) => kept))
      awaited.state.forEach((x, i) => x.forEach((v, j) => expect(Math.abs(v - wanted.state[i][j])).toBeLessThan(1e-3)))
    })
  )

  itOnWebGpu('evaluates and fills on it', () =>
    onGpu(async (device) => {
      const fold = await begin(perceptron(2), device)
      await value(fold.fill('weights', doubled, [4, 3], [w2, w1]))
      const state = await value(fold.read)
      expect(bitsOf(state.slice(3))).toEqual(bitsOf([w1, w2].map((w) => w.map((x) => 2 * x))))
      const evaluate = await value(fold.evaluation('held out', heldOut()))
      const [[loss]] = await value(evaluate(batch(9, 2)))
      const there = await begin(perceptron(2))
      await value(there.fill('weights', doubled, [4, 3], [w2, w1]))
      const [[wanted]] = await value((await value(there.evaluation('held out', heldOut())))(batch(9, 2)))
      expect(Math.abs(loss / wanted - 1)).toBeLessThan(1e-5)
    })
  )

  itOnWebGpu('is torn with its device, and says so at every call', () =>
    onGpu(async (device) => {
      const fold = await begin(perceptron(2), device)
      await value(fold.step(batch(0, 2), [rate]))
      await device.release()
      const torn = { _tag: 'StateTorn', cause: { _tag: 'DeviceFailed', device: 'webgpu' } }
      const answers: ReadonlyArray<E.Either<WorkerError, unknown>> = [
        await fold.step(batch(1, 2), [rate])(),
        await fold.read(),
        await fold.step(batch(1, 2), [rate])()
      ]
      answers.forEach((answer) => expect(answer).toMatchObject(E.left(torn)))
    })
  )
})
