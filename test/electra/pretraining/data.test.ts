import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { trainingData, type TrainingData } from '../../../src/electra/pretraining/data.js'
import { entropyOfCounts } from '../../../src/electra/objective/entropy.js'
import { piecesOf } from '../../../src/electra/pretraining/problem.js'
import { runKeys } from '../../../src/electra/pretraining/keys.js'
import { left, right } from '../data/right.js'
import { corpusIn, nano, remove, temporary, textOf } from '../training/runs.js'

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

const dataOf = (seed: number, of = corpus): TrainingData => right(trainingData(nano(), of, runKeys(seed)))

describe('the data of a run', () => {
  it('at a step do not depend on the steps that were asked for before', () => {
    const asked = dataOf(3)
    fc.assert(
      fc.property(fc.nat({ max: 400 }), (n) => {
        expect(asked.stepAt(n)).toEqual(dataOf(3).stepAt(n))
      }),
      { numRuns: 20 }
    )
  })

  it('are others at another step and for another seed', () => {
    fc.assert(
      fc.property(fc.nat({ max: 400 }), fc.integer({ min: 1, max: 400 }), (n, later) => {
        const data = dataOf(3)
        expect(data.stepAt(n).shards).not.toEqual(data.stepAt(n + later).shards)
        expect(data.stepAt(n).shards).not.toEqual(dataOf(4).stepAt(n).shards)
      }),
      { numRuns: 20 }
    )
  })

  it('hold each example once in an epoch', () => {
    const data = dataOf(3)
    const { batchSize, sequenceLength: length } = nano()
    // Position 1 of the program's inputs is `inputIds`.
    const rowsAt = (n: number): ReadonlyArray<string> =>
      data.stepAt(n).shards.flatMap((shard) => {
        const ids = [...shard[1]]
        return Array.from({ length: ids.length / length }, (_, r) => ids.slice(r * length, (r + 1) * length).join())
      })
    const epoch = (e: number): ReadonlyArray<string> => {
      const steps = Array.from({ length: Math.ceil((2 * data.examples) / batchSize) }, (_, n) => n)
      return steps.flatMap(rowsAt).slice(e * data.examples, (e + 1) * data.examples)
    }
    expect([...epoch(0)].sort()).toEqual([...epoch(1)].sort())
    expect(epoch(0)).not.toEqual(epoch(1))
  })

  it('count the tokens of a batch that are not padding', () => {
    const { shards, tokens } = dataOf(3).stepAt(7)
    // Position 0 of the program's inputs is `attentionMask`.
    expect(tokens).toBe(shards.flatMap((shard) => [...shard[0]]).reduce((n, real) => n + real, 0))
  })

  it('hold out the same batches at every evaluation, as many as the configuration says', () => {
    const data = dataOf(3)
    data.stepAt(11)
    expect(data.heldOut).toEqual(dataOf(3).heldOut)
    expect(data.heldOut.length).toBe(
      Math.min(nano().training.evaluationBatches, Math.ceil(data.heldOutExamples / nano().batchSize))
    )
    expect(data.heldOut.length).toBeGreaterThan(0)
    expect(new Set(data.heldOut.map((shards) => JSON.stringify(shards))).size).toBe(data.heldOut.length)
  })

  it.each(['segments', 'running'] as const)(
    'label exactly the held-out tokens that were replaced, of rows %s',
    (packing) => {
      const config = nano({ packing, batchSize: 4, training: { evaluationBatches: 100 } })
      const { corrupted } = right(trainingData(config, corpus, runKeys(3)))
      // Rows of the text as it was: the ids that every program sees as `inputIds` of the held-out batches.
      const rows = (ids: ArrayLike<number>): ReadonlyArray<string> => {
        const all = Array.from(ids)
        const length = config.sequenceLength
        return Array.from({ length: all.length / length }, (_, r) => all.slice(r * length, (r + 1) * length).join())
      }
      const { heldOut } = right(trainingData(config, corpus, runKeys(3)))
      const originals = new Set(heldOut.flatMap((shards) => shards.flatMap((shard) => rows(shard[1]))))
      // Inputs in path order: attentionMask, inputIds, labels, tokenTypeIds.
      const judged = corrupted.flat().map(([mask, ids, labels]) => ({ mask, ids, labels }))
      const { cls, sep } = corpus.vocabulary.special
      let replaced = 0
      for (const { mask, ids, labels } of judged) {
        labels.forEach((label, i) => {
          expect(label === 0 || label === 1).toBe(true)
          if (label === 1) expect(mask[i] === 1 && ids[i] !== cls && ids[i] !== sep).toBe(true)
          replaced += label
        })
        // A row without a label is a row of the text.
        rows(ids).forEach((row, r) => {
          const none = rows(labels)
            [r].split(',')
            .every((label) => label === '0')
          if (none) expect(originals.has(row)).toBe(true)
          else expect(originals.has(row)).toBe(false)
        })
      }
      expect(replaced).toBeGreaterThan(0)
    }
  )

  it('have one fixed corruption, whatever the seed, the generator and its sampling', () => {
    const { corrupted } = right(trainingData(nano({ packing: 'running' }), corpus, runKeys(3)))
    const others = [
      { generator: { hiddenSize: 32 } },
      { temperature: 2 },
      { maskProbability: 0.3 },
      { discriminatorWeight: 5 }
    ]
    others.forEach((other, seed) => {
      const data = right(trainingData(nano({ packing: 'running', ...other }), corpus, runKeys(seed)))
      expect(data.corrupted).toEqual(corrupted)
    })
  })

  it('know the entropy of the pieces they are trained on', () => {
    const ids = [...corpus.train.ids]
    const frequency = (piece: number) => ids.filter((id) => id === piece).length / ids.length
    const entropy = ids.reduce((sum, id) => sum - Math.log(frequency(id)), 0) / ids.length
    expect(entropyOfCounts(piecesOf(corpus).counts)).toBeCloseTo(entropy, 10)
  })

  it('hold out nothing where there is a single document', async () => {
    const single = await corpusIn(directory, 'single', textOf(1))
    expect(dataOf(3, single)).toMatchObject({ heldOut: [], corrupted: [], heldOutExamples: 0 })
    expect(dataOf(3, single).examples).toBeGreaterThan(0)
  })
})

describe('batches that memory does not hold', () => {
  /** Every array that the run holds for its batches, once, with three steps at hand; without the counts and keys, which are of no size. */
  const bytesOf = (data: TrainingData): number => {
    const steps = [0, 1, 2].map((n) => data.stepAt(n).shards)
    const shards = [...data.heldOut, ...data.corrupted, ...steps]
    const buffers = new Set(shards.flatMap((batch) => batch.flatMap((arrays) => arrays.map(({ buffer }) => buffer))))
    return [...buffers].reduce((n, { byteLength }) => n + (byteLength > 8 ? byteLength : 0), 0)
  }

  it('are refused, by as many bytes as they take', () => {
    fc.assert(
      fc.property(
        fc.record({
          batchSize: fc.integer({ min: 3, max: 40 }),
          sequenceLength: fc.integer({ min: 8, max: 32 }),
          training: fc.record({ evaluationBatches: fc.integer({ min: 1, max: 4 }) }),
          packing: fc.constantFrom('running', 'segments')
        }),
        (change) => {
          const config = nano({ ...change, shards: 1 })
          const bytes = bytesOf(right(trainingData(config, corpus, runKeys(1))))
          expect(right(trainingData(config, corpus, runKeys(1), bytes)).examples).toBeGreaterThan(0)
          expect(left(trainingData(config, corpus, runKeys(1), bytes - 1))).toMatchObject({
            _tag: 'BatchesTooLarge',
            wanted: bytes
          })
        }
      ),
      { numRuns: 30 }
    )
  })
})
