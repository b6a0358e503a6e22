import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { shardToProfile } from '../../../src/electra/profile/shard.js'
import { slotsOf } from '../../../src/electra/data/examples/masking.js'
import { specialPieces } from '../../../src/electra/data/vocabulary/vocabulary.js'
import { denominatorsSpec, shardBatchSpec } from '../../../src/electra/objective/batch.js'
import { runKeys } from '../../../src/electra/pretraining/keys.js'
import { sizeOf } from '../../../src/tensor/shape.js'
import { tensorEntries } from '../../../src/tensor/tree.js'
import type { Arrays } from '../../../src/workers/index.js'
import { right } from '../data/right.js'
import { nano } from '../training/runs.js'

const cases = fc.record({
  batchSize: fc.integer({ min: 1, max: 5 }),
  sequenceLength: fc.integer({ min: 5, max: 32 }),
  vocabSize: fc.integer({ min: specialPieces.length + 1, max: 40_000 }),
  seed: fc.nat({ max: 1000 })
})

type Case = typeof cases extends fc.Arbitrary<infer C> ? C : never

/** Enough masking for the shortest. */
const configOf = ({ batchSize, sequenceLength }: Pick<Case, 'batchSize' | 'sequenceLength'>): ElectraConfig =>
  nano({ batchSize, sequenceLength, shards: 1, maskProbability: 0.4 })

const drawn = ({ batchSize, sequenceLength, vocabSize, seed }: Case): Arrays =>
  right(shardToProfile(configOf({ batchSize, sequenceLength }), { corpus: undefined, vocabSize }, runKeys(seed)))

describe('a shard that is drawn', () => {
  it('has the arrays that programs read, and every id in the vocabulary', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { batchSize, sequenceLength: length, vocabSize } = given
        const shard = drawn(given)
        const batch = tensorEntries(shardBatchSpec(batchSize, length, slotsOf(configOf(given).maskProbability, length)))
        const specs = [...batch, ...tensorEntries(denominatorsSpec)].map(([, spec]) => spec)
        expect(shard.map(({ length }) => length)).toEqual([...specs.map(({ shape }) => sizeOf(shape)), 2])
        batch.forEach(([name], i) => {
          if (/ids$/i.test(name)) expect(shard[i].every((id) => id >= 0 && id < vocabSize)).toBe(true)
          if (name === 'attentionMask') expect(shard[i].every((real) => real === 1)).toBe(true)
        })
      })
    )
  })

  it('is the same for the same seed, and another for another', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const again = { ...given, vocabSize: given.vocabSize + 1000 }
        expect(drawn(again)).toEqual(drawn(again))
        expect(drawn(again)).not.toEqual(drawn({ ...again, seed: given.seed + 1 }))
      })
    )
  })
})
