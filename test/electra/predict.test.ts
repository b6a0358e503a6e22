import type { Either } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { discriminatorFrom, suspicions, type TrainedDiscriminator } from '../../src/electra/predict.js'
import { encode } from '../../src/electra/model/body.js'
import { discriminatorSpec, predictReplaced, type Discriminator } from '../../src/electra/model/discriminator.js'
import { fromLiteral, tensor, type Literal, type NamedStored } from '../../src/tensor/index.js'
import { reference } from '../../src/tensor/run/reference/reference.js'
import { sizeOf } from '../../src/tensor/shape.js'
import { tensorEntries } from '../../src/tensor/tree.js'
import { left, right, rightOf } from './data/right.js'
import { batchOf, configOf, numbersOf, rowsOf, scattered, vocabSize } from './objective/cases.js'

const config = configOf()
const { model } = config

/** A discriminator's tensors under their names, as a file holds them. */
const stored: ReadonlyArray<NamedStored> = tensorEntries(
  scattered<Discriminator<Literal>>(discriminatorSpec(model, model, vocabSize, 0.02), 1)
).map(([name, x]) => {
  const data = Float32Array.from(numbersOf(x))
  return { ...fromLiteral(tensor(data, { shape: x.shape })), name }
})

const read = (tensors: ReadonlyArray<NamedStored>, prefix?: string): Either<string, TrainedDiscriminator> =>
  discriminatorFrom(model, vocabSize, tensors, prefix)

const anyName = fc.nat({ max: stored.length - 1 }).map((i) => stored[i].name)

const changed = (name: string, f: (x: NamedStored) => ReadonlyArray<NamedStored>): ReadonlyArray<NamedStored> =>
  stored.flatMap((x) => (x.name === name ? f(x) : [x]))

describe('reading a discriminator', () => {
  it('gives back the numbers that were stored, under their names', () => {
    const { params } = right(read(stored))
    const found = tensorEntries(params).map(([name, x]) => ({ ...fromLiteral(x as Literal), name }))
    expect(found).toEqual(stored)
  })

  it('finds them behind a prefix, among other tensors', () => {
    const prefixed = stored.map((x) => ({ ...x, name: `discriminator.${x.name}` }))
    const { params } = right(read([...prefixed, { ...stored[0], name: 'generator.other' }], 'discriminator.'))
    expect(tensorEntries(params).length).toBe(stored.length)
    expect(left(read(prefixed))).toBe(stored[0].name)
  })

  it('names a tensor that is missing', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(left(read(changed(name, () => [])))).toBe(name)
      })
    )
  })

  it('names a tensor of another shape, even where it has as many numbers', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const flat = changed(name, (x) => [{ ...x, shape: [1, ...x.shape] }])
        expect(left(read(flat))).toBe(name)
        const shorter = changed(name, ({ shape: [rows, ...rest] }) => {
          const shape = [rows + 1, ...rest]
          return [{ name, dtype: 'F32', shape, data: new Float32Array(sizeOf(shape)) }]
        })
        expect(left(read(shorter))).toBe(name)
      })
    )
  })

  it('names a tensor that is not F32', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const double = changed(name, ({ shape, data }) => [
          { name, dtype: 'F64', shape, data: Float64Array.from(data as Float32Array) }
        ])
        expect(left(read(double))).toBe(name)
      })
    )
  })

  it('names it with the prefix', () => {
    expect(left(read([], 'discriminator.'))).toBe(`discriminator.${stored[0].name}`)
  })
})

describe('the suspicion of a token', () => {
  const trained = right(read(stored))
  const ask = suspicions(reference({ floats: 'float64' }), trained)

  it('is the sigmoid of its logit in the forward pass, alone or beside longer sequences of a batch', async () => {
    const batch = batchOf(config, 3)
    const { params } = trained
    const of = (xs: Int32Array) => tensor(xs, { shape: [batch.rows, config.sequenceLength] })
    const inputs = {
      ids: of(batch.inputIds),
      mask: of(batch.attentionMask),
      types: of(new Int32Array(batch.inputIds.length))
    }
    const hidden = encode(model, model.heads, undefined)(params.electra.embeddings, params.electra)(inputs).final
    const logits = numbersOf(predictReplaced(params)(hidden))
    for (let row = 0; row < batch.rows; row++) {
      const { inputIds, attentionMask } = rowsOf(batch, row, row + 1)
      const ids = Array.from(inputIds).filter((_, t) => attentionMask[t] === 1)
      const found = await rightOf(ask(ids))
      expect(found.length).toBe(ids.length)
      found.forEach((p, t) => expect(p).toBeCloseTo(1 / (1 + Math.exp(-logits[row * config.sequenceLength + t])), 10))
    }
  })

  it('is the same in single precision, up to its rounding', async () => {
    const ids = [2, 9, 8, 3, 14, 15, 9, 2, 6, 3]
    const [double, single] = await Promise.all([
      rightOf(ask(ids)),
      rightOf(suspicions(reference({ floats: 'float32' }), trained)(ids))
    ])
    // Some forty roundings of 6e-8 in a row of operations; scores that carried a mask's -10000 would round by 5e-4.
    single.forEach((p, t) => expect(Math.abs(p - double[t])).toBeLessThan(40 * 6e-8))
  })

  it('is the same on asking again, and in any order of asking', async () => {
    const [one, other] = [
      [2, 9, 8, 3],
      [2, 8, 8, 3]
    ]
    const first = await rightOf(ask(one))
    const second = await rightOf(ask(other))
    expect(second).not.toEqual(first)
    expect(await rightOf(ask(one))).toEqual(first)
    expect(await rightOf(suspicions(reference({ floats: 'float64' }), trained)(other))).toEqual(second)
  })

  it('is refused where there are more tokens than positions', async () => {
    const ids = new Array<number>(model.maxPositions + 1).fill(5)
    expect(left(await ask(ids)())).toMatchObject({ _tag: 'InvalidArgument', op: 'embed' })
    expect((await rightOf(ask(ids.slice(1)))).length).toBe(model.maxPositions)
  })
})
