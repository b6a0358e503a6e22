/**
 * Every objective learns: what it names to be minimised falls within a few dozen steps.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { objectiveNames, objectiveOf, objectives } from '../../../src/electra/objective/table.js'
import { piecesOf } from '../../../src/electra/pretraining/problem.js'
import { stageStarts } from '../../../src/electra/pretraining/programs.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import type { Report } from '../../../src/electra/training/columns.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { inProcess } from '../../../src/workers/index.js'
import { rightOf } from '../data/right.js'
import { corpusIn, least, remove, temporary, textOf } from '../training/runs.js'

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

const totalSteps = 80
const few = 8

const mean = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0) / xs.length

const reportsOf = (config: ElectraConfig, on: Corpus, steps: number): Promise<ReadonlyArray<Report>> =>
  rightOf(
    pipe(
      inProcess(wasm()),
      pretrainingSession({ config, corpus: on, seed: 1, totalSteps: steps }),
      TE.chainW((session) =>
        pipe(
          Array.from({ length: steps }, (_, n) => n),
          TE.traverseSeqArray(session.step)
        )
      ),
      TE.map((taken) => taken.map(({ report }) => report))
    )
  )

describe.each(objectiveNames)('the objective %s', (objective) => {
  it('learns in each of its stages', async () => {
    const config = least({
      batchSize: 16,
      maskProbability: 0.3,
      model: { layers: 1, hiddenDropout: 0, attentionDropout: 0 },
      optimizer: { learningRate: 1e-2, warmupSteps: 4 },
      objective,
      ...objectives[objective].example
    })
    const losses = (await reportsOf(config, corpus, totalSteps)).map(({ loss }) => loss)
    const starts = stageStarts(objectiveOf(config, piecesOf(corpus)).stages, totalSteps)
    starts.forEach((from, i) => {
      const stage = losses.slice(from, starts[i + 1])
      expect(mean(stage.slice(-few))).toBeLessThan(0.95 * mean(stage.slice(0, few)))
    })
  })
})

describe('the energies of electric', () => {
  /** Sentences in which each word follows from the one before. */
  const predictable = (documents: number): string => {
    const words = 'the cat dog bird tree river sings runs sleeps sees under over near old small green'.split(' ')
    const sentence = (n: number): string =>
      Array.from({ length: 3 + ((n * 5) % 9) }, (_, i) => words[(n * 7 + i) % words.length]).join(' ')
    return Array.from({ length: documents }, (_, d) =>
      Array.from({ length: 4 }, (_, s) => `${sentence(4 * d + s)}.\n`).join('')
    ).join('\n')
  }

  it('tell replaced tokens from others before its classifier can', async () => {
    const config = least({
      objective: 'electric',
      batchSize: 16,
      generator: { kind: 'two-tower' },
      model: { layers: 1, hiddenDropout: 0, attentionDropout: 0 },
      optimizer: { learningRate: 1e-3, warmupSteps: 20 }
    })
    const last = (await reportsOf(config, await corpusIn(directory, 'predictable', predictable(104)), 120)).slice(-40)
    // Of 13 or more tokens that are not replaced 3 are special: knowing these alone gives at most 0.5 + 0.5 * 3 / 13 = 0.615.
    expect(mean(last.map(({ energyAuc }) => energyAuc))).toBeGreaterThan(0.65)
    expect(mean(last.map(({ discriminatorAuc }) => discriminatorAuc))).toBeLessThan(0.6)
  })
})
