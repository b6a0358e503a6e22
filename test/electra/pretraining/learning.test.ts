/**
 * Every objective learns: what it names to be minimised falls within a few dozen steps.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { objectiveNames, objectiveOf, objectives } from '../../../src/electra/objective/table.js'
import { piecesOf } from '../../../src/electra/pretraining/problem.js'
import { stageStarts } from '../../../src/electra/pretraining/programs.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
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
    const losses = await rightOf(
      pipe(
        inProcess(wasm()),
        pretrainingSession({ config, corpus, seed: 1, totalSteps }),
        TE.chainW((session) =>
          pipe(
            Array.from({ length: totalSteps }, (_, n) => n),
            TE.traverseSeqArray(session.step)
          )
        ),
        TE.map((steps) => steps.map(({ report }) => report.loss))
      )
    )
    const starts = stageStarts(objectiveOf(config, piecesOf(corpus)).stages, totalSteps)
    starts.forEach((from, i) => {
      const stage = losses.slice(from, starts[i + 1])
      expect(mean(stage.slice(-few))).toBeLessThan(0.95 * mean(stage.slice(0, few)))
    })
  })
})
