import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { grad } from '../../../src/autodiff/index.js'
import { corrupt, sampleTokens } from '../../../src/electra/objective/corruption.js'
import { add, broadcastTo, cast, mul, random, sum, tensor, type Tensor } from '../../../src/tensor/index.js'
import { run, runAll } from '../../plain.js'
import { numbersOf } from './cases.js'

const length = 7

type Row = {
  readonly original: ReadonlyArray<number>
  readonly positions: ReadonlyArray<number>
  readonly sampled: ReadonlyArray<number>
}

/** Few ids, so that samples often equal originals; few positions, so that they repeat, 0 among them. */
const rows: fc.Arbitrary<ReadonlyArray<Row>> = fc.nat({ max: 5 }).chain((slots) => {
  const ids = (n: number) => fc.array(fc.integer({ min: 3, max: 9 }), { minLength: n, maxLength: n })
  const positions = fc.array(fc.nat({ max: length - 1 }), { minLength: slots, maxLength: slots })
  return fc.array(fc.record({ original: ids(length), positions, sampled: ids(slots) }), { minLength: 1, maxLength: 3 })
})

const matrix = (xs: ReadonlyArray<ReadonlyArray<number>>): Tensor =>
  tensor(Int32Array.from(xs.flat()), { shape: [xs.length, xs[0].length] })

type Corruption = {
  readonly ids: ReadonlyArray<ReadonlyArray<number>>
  readonly labels: ReadonlyArray<ReadonlyArray<number>>
}

const corrupted = (batch: ReadonlyArray<Row>): Corruption => {
  const of = (f: (row: Row) => ReadonlyArray<number>) => matrix(batch.map(f))
  const made = corrupt(
    of((r) => r.positions),
    of((r) => r.sampled)
  )(of((r) => r.original))
  const inRows = (values: ReadonlyArray<number>) =>
    batch.map((_, row) => values.slice(row * length, (row + 1) * length))
  const [ids, labels] = runAll([made.ids, made.labels])
  expect([ids.dtype, labels.dtype]).toEqual(['i32', 'f32'])
  return { ids: inRows(ids.values), labels: inRows(labels.values) }
}

/** The samples written to each position but 0. */
const writesTo = ({ positions, sampled }: Row, t: number): ReadonlyArray<number> =>
  t === 0 ? [] : sampled.filter((_, slot) => positions[slot] === t)

describe('corrupting a batch', () => {
  it('leaves at each position the floor of the mean of what was written there, else the original', () => {
    fc.assert(
      fc.property(rows, (batch) => {
        const expected = batch.map((row) =>
          row.original.map((id, t) => {
            const writes = writesTo(row, t)
            return writes.length === 0 ? id : Math.floor(writes.reduce((a, b) => a + b, 0) / writes.length)
          })
        )
        expect(corrupted(batch).ids).toEqual(expected)
      })
    )
  })

  it('labels exactly the tokens that changed: a sample that equals its original is original', () => {
    fc.assert(
      fc.property(rows, (batch) => {
        const { ids, labels } = corrupted(batch)
        expect(labels).toEqual(ids.map((row, r) => row.map((id, t) => (id === batch[r].original[t] ? 0 : 1))))
      })
    )
  })

  it('never changes or labels a position that was not selected, nor position 0', () => {
    fc.assert(
      fc.property(rows, (batch) => {
        const { ids, labels } = corrupted(batch)
        batch.forEach(({ original, positions }, r) =>
          original.forEach((id, t) => {
            if (t === 0 || !positions.includes(t)) expect([ids[r][t], labels[r][t]]).toEqual([id, 0])
          })
        )
      })
    )
  })

  it('writes rows independently: a position is one of its own row', () => {
    fc.assert(
      fc.property(rows, (batch) => {
        const whole = corrupted(batch)
        const one = batch.map((row) => corrupted([row]))
        expect(whole).toEqual({ ids: one.map((x) => x.ids[0]), labels: one.map((x) => x.labels[0]) })
      })
    )
  })
})

describe('a sampled token', () => {
  const logits = [1.2, -0.7, 0, 2.1, 0.4, -1.5]
  const draws = 12_000

  it.each([0.5, 1, 2])('has the softmax of the logits divided by the temperature %f as its law', (temperature) => {
    const many = pipe(tensor(logits), broadcastTo([draws, logits.length]))
    const counts = logits.map(() => 0)
    for (const id of run(sampleTokens(temperature, random.key(20))(many)).values) counts[id] += 1
    const weights = logits.map((x) => Math.exp(x / temperature))
    const mass = weights.reduce((a, b) => a + b, 0)
    const chiSquare = counts.reduce((sum, n, id) => {
      const expected = (draws * weights[id]) / mass
      return sum + (n - expected) ** 2 / expected
    }, 0)
    // 5 degrees of freedom: 1 in 10^5 exceeds 30.9. The key is fixed. Every expected count is above 5.
    expect(chiSquare).toBeLessThan(30.9)
  })

  it('is decided by its key, and by logits only up to a constant', () => {
    const shape = [40, logits.length]
    const sample = (seed: number, shift = 0) =>
      run(sampleTokens(1, random.key(seed))(pipe(tensor(logits), add(shift), broadcastTo(shape)))).values
    expect(sample(1)).toEqual(sample(1))
    expect(sample(2)).not.toEqual(sample(1))
    expect(sample(1, 8)).toEqual(sample(1))
  })

  it('is the likeliest one where the temperature is nearly 0', () => {
    const many = pipe(tensor(logits), broadcastTo([50, logits.length]))
    expect(new Set(run(sampleTokens(1e-3, random.key(4))(many)).values)).toEqual(new Set([3]))
  })

  it('is a constant for differentiation, and so are the labels made of it', () => {
    const original = tensor([[2, 5, 1, 3]], { dtype: 'i32' })
    const positions = tensor([[1, 2]], { dtype: 'i32' })
    const gradient = grad((x: Tensor) => {
      const sampled = sampleTokens(1, random.key(5))(x)
      const { ids, labels } = corrupt(positions, sampled)(original)
      return pipe(cast('f32')(ids), sum(), add(sum()(labels)), add(pipe(x, mul(3), sum())))
    })(pipe(tensor(logits), broadcastTo([1, 2, logits.length])))
    expect(numbersOf(gradient)).toEqual(new Array(12).fill(3))
  })
})
