import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../src/electra/data/examples/batches.js'
import type { Masked } from '../../../src/electra/data/examples/masking.js'
import { denominatorsSpec, shardBatchSpec } from '../../../src/electra/objective/batch.js'
import { shardInputs } from '../../../src/electra/pretraining/shards.js'
import { hostFold, hostKey } from '../../../src/tensor/keys.js'
import { sizeOf } from '../../../src/tensor/shape.js'
import { tensorEntries } from '../../../src/tensor/tree.js'
import type { Data } from '../../../src/tensor/index.js'

const special = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 } as const

type Case = {
  readonly batch: Batch
  readonly masked: Masked
  readonly shards: number
  readonly rows: number
  readonly length: number
  readonly slots: number
}

/** Batches of any content: cutting one does not look at it. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    shards: fc.integer({ min: 1, max: 4 }),
    rows: fc.integer({ min: 1, max: 3 }),
    length: fc.integer({ min: 1, max: 5 }),
    slots: fc.integer({ min: 1, max: 3 })
  })
  .chain((sizes) => {
    const examples = sizes.shards * sizes.rows
    const ints = (n: number, max: number) => fc.array(fc.nat({ max }), { minLength: n, maxLength: n })
    const tokens = (max: number) => ints(examples * sizes.length, max).map((xs) => Int32Array.from(xs))
    const slots = (max: number) => ints(examples * sizes.slots, max).map((xs) => Int32Array.from(xs))
    return fc.record({
      batch: fc.record({
        batchSize: fc.constant(examples),
        sequenceLength: fc.constant(sizes.length),
        inputIds: tokens(99),
        attentionMask: tokens(1),
        tokenTypeIds: tokens(1)
      }),
      masked: fc.record({
        maskedInputIds: tokens(99),
        maskedPositions: slots(sizes.length - 1),
        maskedIds: slots(99),
        maskedWeights: slots(1).map((xs) => Float32Array.from(xs))
      }),
      ...Object.fromEntries(Object.entries(sizes).map(([name, n]) => [name, fc.constant(n)]))
    }) as fc.Arbitrary<Case>
  })

const sum = (xs: Data): number => [...xs].reduce((total, x) => total + x, 0)

describe('the shards of a batch', () => {
  it('are, in a row, the batch: every array in the order in which programs name their inputs', () => {
    fc.assert(
      fc.property(cases, ({ batch, masked, shards, rows, length, slots }) => {
        const inputs = shardInputs(batch, masked, { special, shards, stepKey: hostKey(1) })
        const whole: Readonly<Record<string, unknown>> = { ...batch, ...masked }
        tensorEntries(shardBatchSpec(rows, length, slots)).forEach(([name, { shape }], i) => {
          expect(inputs.map((shard) => shard[i].length)).toEqual(new Array(shards).fill(sizeOf(shape)))
          expect(inputs.flatMap((shard) => [...shard[i]])).toEqual([...(whole[name] as Data)])
        })
      })
    )
  })

  it("all carry the whole batch's three sums", () => {
    fc.assert(
      fc.property(cases, ({ batch, masked, shards, rows, length, slots }) => {
        const arrays = tensorEntries(shardBatchSpec(rows, length, slots)).length
        const names = tensorEntries(denominatorsSpec).map(([name]) => name)
        const { cls, sep, mask } = special
        const candidates = batch.inputIds.filter(
          (id, i) => batch.attentionMask[i] === 1 && ![cls, sep, mask].includes(id as 2)
        ).length
        expect(names).toEqual(['attentionMask', 'candidates', 'maskedWeights'])
        for (const shard of shardInputs(batch, masked, { special, shards, stepKey: hostKey(1) }))
          expect(shard.slice(arrays, arrays + 3)).toEqual([
            Float32Array.of(sum(batch.attentionMask)),
            Float32Array.of(candidates),
            Float32Array.of(sum(masked.maskedWeights))
          ])
      })
    )
  })

  it("draw with keys of their own, folded from the step's", () => {
    fc.assert(
      fc.property(cases, fc.nat(), ({ batch, masked, shards }, seed) => {
        const keys = shardInputs(batch, masked, { special, shards, stepKey: hostKey(seed) }).map((shard) =>
          shard.at(-1)
        )
        expect(keys).toEqual(Array.from({ length: shards }, (_, s) => Uint32Array.from(hostFold(s)(hostKey(seed)))))
        expect(new Set(keys.map(String)).size).toBe(shards)
      })
    )
  })
})
