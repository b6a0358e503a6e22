import * as E from 'fp-ts/lib/Either.js'
import { constUndefined, pipe } from 'fp-ts/lib/function.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { lower } from '../../../src/tensor/program/lower.js'
import type { HostDevice } from '../../../src/tensor/run/device.js'
import { isBuffer } from '../../../src/tensor/run/device.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { binaryNode, inputNode } from '../../../src/tensor/tensor.js'
import type { Arrays, Fold, Step } from '../../../src/workers/fold/fold.js'
import { pooledFold } from '../../../src/workers/fold/pooled-fold.js'
import type { WorkerError } from '../../../src/workers/error.js'
import { inProcess } from '../../../src/workers/pool/in-process.js'
import { solo, type Ranks } from '../../../src/workers/ranks/ranks.js'
import { onRanks } from '../ranks/meeting.js'
import { train } from '../train.js'
import { batch, bitsOf, heldOut, initialState, perceptron } from '../perceptron.js'

const value = async <A>(task: TE.TaskEither<WorkerError, A>): Promise<A> => {
  const answer = await task()
  if (E.isLeft(answer)) throw new Error(JSON.stringify(answer.left))
  return answer.right
}

const begin = async (step: Step, device: HostDevice = reference({ floats: 'float32' })): Promise<Fold> => {
  const fold = await value(pooledFold(inProcess(device)).make(step))
  await value(fold.write(initialState()))
  return fold
}

const rate = Float32Array.of(0.005)

const mean = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0) / xs.length

/** A device that fails at its `n`-th run and does half of the work first, to be caught tearing something. */
const failingAt = (n: number): HostDevice<'sync'> => {
  const device = reference({ floats: 'float32' })
  let runs = 0
  return {
    ...device,
    load: (program) =>
      E.Functor.map(device.load(program), (executable) => ({
        ...executable,
        run: (inputs, outputs) => () => {
          if (++runs !== n) return executable.run(inputs, outputs)()
          outputs.forEach((data) => isBuffer(data) || data.fill(1, 0, Math.ceil(data.length / 2)))
          return E.left({ _tag: 'DeviceFailed', device: 'failing', reason: `run ${n}` } as const)
        }
      }))
  }
}

/** Twice its inputs, of the shapes of the second layer's weights and the first's. */
const doubled = pipe([inputNode('w2', [5, 1], 'f32'), inputNode('w1', [6, 5], 'f32')], (inputs) =>
  lower(
    inputs.map((x, i) => ({ name: String(i), tensor: binaryNode('add', x, x) })),
    inputs
  )
)
const [w1, w2] = [Float32Array.from({ length: 30 }, (_, i) => i / 8), Float32Array.from({ length: 5 }, (_, i) => -i)]

describe('a fold on a pool', () => {
  it('learns: the loss of a perceptron with dropout falls by half in 40 steps', async () => {
    const fold = await begin(perceptron(3))
    const losses: Array<number> = []
    for (let step = 0; step < 40; step++) losses.push((await value(fold.step(batch(step, 3), [rate]))).metrics[0][0])
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) / 2)
    expect((await value(fold.read))[2]).toEqual(Int32Array.of(40))
  })

  it('adds the metrics of the shards, counts exactly', async () => {
    const [together, ...apart] = await Promise.all(
      [3, 1, 1, 1].map(async (shards, i) => {
        const fold = await begin(perceptron(shards))
        const data = i === 0 ? batch(0, 3) : [batch(0, 3)[i - 1]]
        return (await value(fold.step(data, [rate]))).metrics
      })
    )
    const [loss, kept] = [0, 1].map((metric) => apart.map((metrics) => metrics[metric][0]))
    expect(together[1][0]).toBe(kept.reduce((a, b) => a + b))
    // The tree over three: a pair, then the third.
    expect(together[0][0]).toBe(Math.fround(Math.fround(loss[0] + loss[1]) + loss[2]))
  })

  it('gives the report of the update, here the squared norm of the summed gradient', async () => {
    const fold = await begin(perceptron(2))
    const { report } = await value(fold.step(batch(0, 2), [Float32Array.of(1)]))
    // At rate 1 and without momentum yet, the step is the gradient.
    const [before, after] = [initialState(), await value(fold.read)]
    const norm = [3, 4].flatMap((i) => Array.from(after[i], (w, j) => (before[i][j] - w) ** 2)).reduce((a, b) => a + b)
    // A difference of two f32 of magnitude below 32 is off by at most 2^-19; relative to gradients around 1 that is 1e-5.
    expect(Math.abs(report[0][0] - norm) / norm).toBeLessThan(1e-4)
  })

  it('evaluates another program on the state as it is, without changing it', async () => {
    const fold = await begin(perceptron(3))
    const evaluate = await value(fold.evaluation('held out', heldOut()))
    const [before] = await value(evaluate(batch(99, 3)))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(initialState()))
    for (let step = 0; step < 40; step++) await value(fold.step(batch(step, 3), [rate]))
    const [after] = await value(evaluate(batch(99, 3)))
    expect(after[0]).toBeLessThan(before[0] / 4)
  })

  it('continues bit for bit from a state that was read and written', async () => {
    const straight = await begin(perceptron(2))
    for (let step = 0; step < 6; step++) await value(straight.step(batch(step, 2), [rate]))
    const first = await begin(perceptron(2))
    for (let step = 0; step < 3; step++) await value(first.step(batch(step, 2), [rate]))
    const second = await begin(perceptron(2))
    await value(second.write(await value(first.read)))
    for (let step = 3; step < 6; step++) await value(second.step(batch(step, 2), [rate]))
    expect(bitsOf(await value(second.read))).toEqual(bitsOf(await value(straight.read)))
  })

  it('fills arrays of the state in their places, in room for no others', async () => {
    const pool = inProcess(reference({ floats: 'float32' }))
    const fold = await value(pooledFold(pool).make(perceptron(2)))
    await value(fold.write(initialState()))
    const inUse = (): number | undefined =>
      pipe(
        pool.memory(),
        E.match(constUndefined, (memory) => memory.inUse())
      )
    const before = inUse()
    await value(fold.fill('weights', doubled, [4, 3], [w2, w1]))
    expect(inUse()).toBe(before)
    const expected = initialState().map((x, i) => (i === 3 ? w1.map((w) => 2 * w) : i === 4 ? w2.map((w) => 2 * w) : x))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(expected))
  })

  it('is torn where filling it fails', async () => {
    const fold = await begin(perceptron(2), failingAt(1))
    const torn = E.left({ _tag: 'StateTorn', cause: { _tag: 'DeviceFailed' } })
    expect(await fold.fill('weights', doubled, [4, 3], [w2, w1])()).toMatchObject(torn)
    expect(await fold.step(batch(0, 2), [rate])()).toMatchObject(torn)
  })

  it('carries out steps that overlap one after the other', async () => {
    const [one, other] = [await begin(perceptron(2)), await begin(perceptron(2))]
    for (let step = 0; step < 4; step++) await value(one.step(batch(step, 2), [rate]))
    await Promise.all([0, 1, 2, 3].map((step) => value(other.step(batch(step, 2), [rate]))))
    expect(bitsOf(await value(other.read))).toEqual(bitsOf(await value(one.read)))
  })

  // Two shards, their sum, and what the update measures: runs 1 to 4.
  it.each([1, 2, 3, 4])('leaves the state as it was when run %i of a step fails, and can go on', async (n) => {
    const fold = await begin(perceptron(2), failingAt(n))
    expect(await fold.step(batch(0, 2), [rate])()).toMatchObject(E.left({ _tag: 'DeviceFailed', reason: `run ${n}` }))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(initialState()))
    await value(fold.step(batch(0, 2), [rate]))
    const whole = await begin(perceptron(2))
    await value(whole.step(batch(0, 2), [rate]))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(await value(whole.read)))
  })

  // The update, and its copying into place.
  it.each([5, 6])('is torn when run %i of a step fails, and goes on from a state that is written', async (n) => {
    const fold = await begin(perceptron(2), failingAt(n))
    const torn = E.left({ _tag: 'StateTorn', cause: { _tag: 'DeviceFailed', reason: `run ${n}` } })
    expect(await fold.step(batch(0, 2), [rate])()).toMatchObject(torn)
    expect(await fold.step(batch(0, 2), [rate])()).toMatchObject(torn)
    expect(await fold.read()).toMatchObject(torn)
    await value(fold.write(initialState()))
    await value(fold.step(batch(0, 2), [rate]))
    const whole = await begin(perceptron(2))
    await value(whole.step(batch(0, 2), [rate]))
    expect(bitsOf(await value(fold.read))).toEqual(bitsOf(await value(whole.read)))
  })

  it('holds f32 in double precision on a float64 device', async () => {
    const fold = await begin(perceptron(2), reference({ floats: 'float64' }))
    await value(fold.step(batch(0, 2), [rate]))
    const state = await value(fold.read)
    expect(state[3]).toBeInstanceOf(Float64Array)
    expect(Array.from(state[3])).not.toEqual(Array.from(Float32Array.from(state[3])))
  })
})

describe('a fold on a pool refuses', () => {
  const good = perceptron(2)

  it.each<readonly [string, (data: ReadonlyArray<Arrays>) => ReadonlyArray<Arrays>, Arrays, string]>([
    ['a missing shard', ([first]) => [first], [rate], 'shardGrad'],
    ['a shard with an array too few', ([first, [x, y]]) => [first, [x, y]], [rate], 'shardGrad, shard 1'],
    ['an array of a wrong size', ([[x, , key], second]) => [[x, x, key], second], [rate], 'shardGrad, shard 0'],
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
    const answer = await pooledFold(inProcess(reference({ floats: 'float32' }))).make(step)()
    expect(answer).toMatchObject(E.left({ _tag: 'ProgramRejected', program }))
  })

  it('an evaluation whose outputs have no sum', async () => {
    const fold = await begin(good)
    const inputs = [inputNode('w1', [6, 5], 'f32'), inputNode('w2', [5, 1], 'f32'), inputNode('b', [2], 'bool')]
    const answer = await fold.evaluation('flags', lower([{ name: 'b', tensor: inputs[2] }], inputs))()
    expect(answer).toMatchObject(E.left({ _tag: 'ProgramRejected', program: 'flags' }))
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
    const answer = await pipe(fold.write(initialState().slice(1)))()
    expect(answer).toMatchObject(E.left({ _tag: 'WrongInputs', where: 'state' }))
  })
})

describe('a fold on several ranks', () => {
  const on = async (
    ranks: Ranks,
    shards: number,
    device: HostDevice = reference({ floats: 'float32' })
  ): Promise<Fold> => {
    const fold = await value(pooledFold(inProcess(device), { ranks }).make(perceptron(shards)))
    await value(fold.write(initialState()))
    return fold
  }

  const trained = (ranks: number): Promise<ReadonlyArray<ReadonlyArray<string>>> =>
    onRanks(ranks, (here) => value(train(6, { ranks: here })(inProcess(reference({ floats: 'float32' })))))

  it.each([2, 3, 6])('gives the same bits on all %i ranks, and the same again', async (ranks) => {
    const [first, ...others] = await trained(ranks)
    expect(others).toEqual(others.map(() => first))
    expect((await trained(ranks))[0]).toEqual(first)
  })

  it('adds the counts of all ranks exactly, and evaluates on all of them', async () => {
    const alone = await on(solo, 4)
    const evaluateAlone = await value(alone.evaluation('held out', heldOut()))
    const { metrics } = await value(alone.step(batch(0, 4), [rate]))
    const [loss] = await value(evaluateAlone(batch(9, 4)))
    await onRanks(2, async (ranks) => {
      const fold = await on(ranks, 4)
      const evaluate = await value(fold.evaluation('held out', heldOut()))
      const shared = await value(fold.step(batch(0, 4), [rate]))
      expect(shared.metrics[1]).toEqual(metrics[1])
      const [sharedLoss] = await value(evaluate(batch(9, 4)))
      // Sums of the same numbers in another order: 4 shards of 7 rows, a step of rounding before.
      expect(Math.abs(sharedLoss[0] / loss[0] - 1)).toBeLessThan(1e-4)
    })
  })

  it('has the state of rank 0 everywhere once it is shared', async () => {
    const other = initialState().map((x) => x.map((v) => v + 1))
    const states = await onRanks(3, async (ranks) => {
      const fold = await on(ranks, 3)
      if (ranks.rank > 0) await value(fold.write(other))
      await value(fold.share)
      return value(fold.read)
    })
    expect(states.map(bitsOf)).toEqual(states.map(() => bitsOf(initialState())))
  })

  it('says on the rank whose state is another that it is', async () => {
    const answers = await onRanks(3, async (ranks) => {
      const fold = await on(ranks, 3)
      const same = await fold.compare()
      const [m1, ...rest] = initialState()
      // One bit in one of many numbers.
      if (ranks.rank === 1) await value(fold.write([m1.map((x, i) => (i === 7 ? 2 ** -149 : x)), ...rest]))
      return [same, await fold.compare()]
    })
    const elsewhere = E.left({ _tag: 'FailedElsewhere', rank: 1 })
    const here = E.left({ _tag: 'RanksDiffer', what: 'the state' })
    expect(answers).toEqual([elsewhere, here, elsewhere].map((answer) => [E.right(undefined), answer]))
  })

  // A rank has two shards: two runs of them, their sum, what the update measures, the update, its copying into place.
  it.each([1, 2, 3, 4, 5, 6])('ends on all ranks where run %i of a step fails on one, which aborts', async (n) => {
    const answers = await onRanks(2, async (ranks) => {
      const fold = await on(ranks, 4, ranks.rank === 1 ? failingAt(n) : undefined)
      const steps = []
      for (const step of [0, 1]) {
        const stepped = await fold.step(batch(step, 4), [rate])()
        steps.push(stepped)
        if (E.isRight(stepped)) continue
        ranks.abort(1)()
        break
      }
      return steps.at(-1)
    })
    const failed = { _tag: 'DeviceFailed', reason: `run ${n}` }
    expect(answers).toMatchObject([
      E.left({ _tag: 'FailedElsewhere', rank: 1 }),
      E.left(n < 5 ? failed : { _tag: 'StateTorn', cause: failed })
    ])
  })
})
