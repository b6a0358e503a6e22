import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus.js'
import { trainingData, type TrainingData } from '../../../src/electra/training/data.js'
import { runKeys } from '../../../src/electra/training/keys.js'
import { right } from '../data/right.js'
import { corpusIn, nano, remove, temporary, textOf } from './runs.js'

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

  it('hold out nothing where there is a single document', async () => {
    const single = await corpusIn(directory, 'single', textOf(1))
    expect(dataOf(3, single)).toMatchObject({ heldOut: [], heldOutExamples: 0 })
    expect(dataOf(3, single).examples).toBeGreaterThan(0)
  })
})
