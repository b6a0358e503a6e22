/**
 * Every objective learns: what it names to be minimised falls within a few dozen steps.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import type { Objective } from '../../../src/electra/objective/objective.js'
import { objectiveNames, objectiveOf, objectives } from '../../../src/electra/objective/table.js'
import { storedParams } from '../../../src/electra/model/stored-params.js'
import { gatherBatch } from '../../../src/electra/data/examples/batches.js'
import { maskBatch } from '../../../src/electra/data/examples/masking.js'
import { keyedCoins, packExamples } from '../../../src/electra/data/examples/examples.js'
import { maskingOf } from '../../../src/electra/pretraining/data.js'
import { shardTensors } from '../../../src/electra/pretraining/shards.js'
import { piecesOf } from '../../../src/electra/pretraining/problem.js'
import { stageStarts } from '../../../src/electra/pretraining/programs.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import type { Report } from '../../../src/electra/training/columns.js'
import type { Params } from '../../../src/nn/index.js'
import { random, sigmoid, type NamedStored } from '../../../src/tensor/index.js'
import { hostKey } from '../../../src/tensor/keys.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { inProcess, pooledFold } from '../../../src/workers/index.js'
import { right, rightOf } from '../data/right.js'
import { numbersOf } from '../objective/cases.js'
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

type Trained = { readonly reports: ReadonlyArray<Report>; readonly params: ReadonlyArray<NamedStored> }

const trained = (config: ElectraConfig, on: Corpus, steps: number): Promise<Trained> =>
  rightOf(
    pipe(
      pooledFold(inProcess(wasm())),
      pretrainingSession({ config, corpus: on, seed: 1, totalSteps: steps }),
      TE.bindTo('session'),
      TE.bind('taken', ({ session }) =>
        pipe(
          Array.from({ length: steps }, (_, n) => n),
          TE.traverseSeqArray(session.step)
        )
      ),
      TE.bind('state', ({ session }) => session.read),
      TE.map(({ taken, state: { params } }) => ({ reports: taken.map(({ report }) => report), params }))
    )
  )

/** What a trained discriminator says of the tokens of held-out text of which some are replaced: probabilities by their ids. */
const suspected = (
  config: ElectraConfig,
  objective: Objective,
  { params }: Trained
): ReadonlyArray<readonly [number, number]> => {
  const { judged, parameters } = objective
  if (judged === undefined) return []
  const { special, pieces } = corpus.vocabulary
  const { sequenceLength } = config
  const examples = packExamples({ sequenceLength, special, coins: keyedCoins(hostKey(5)) })(corpus.heldOut)
  const batch = gatherBatch(examples, [...Array(examples.count).keys()])
  const masked = maskBatch(maskingOf(config, { size: pieces.length, special }), hostKey(6))(batch)
  const shard = shardTensors(batch, masked, special)
  const { ids, logits } = judged(
    right(storedParams(params)<Params>(parameters)),
    shard.batch,
    shard.denominators,
    random.key(7)
  )
  const [shown, probabilities] = [ids, sigmoid(logits)].map(numbersOf)
  return shown.flatMap((id, i) => (batch.attentionMask[i] === 1 ? [[id, probabilities[i]] as const] : []))
}

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
    const learnt = objectiveOf(config, piecesOf(corpus))
    const result = await trained(config, corpus, totalSteps)
    const losses = result.reports.map(({ loss }) => loss)
    const starts = stageStarts(learnt.stages, totalSteps)
    starts.forEach((from, i) => {
      const stage = losses.slice(from, starts[i + 1])
      expect(mean(stage.slice(-few))).toBeLessThan(0.95 * mean(stage.slice(0, few)))
    })
    // [CLS] and [SEP] are never replaced, and always in the loss, but for ELECTRA 15 %: nothing is learnt sooner.
    if (learnt.judged === undefined || objective === 'electra-15') return
    const { cls, sep } = corpus.vocabulary.special
    const [special, others] = [true, false].map((wanted) =>
      mean(
        suspected(config, learnt, result)
          .filter(([id]) => (id === cls || id === sep) === wanted)
          .map(([, probability]) => probability)
      )
    )
    expect(special).toBeLessThan(0.1)
    expect(others).toBeGreaterThan(2 * special)
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
    const last = (await trained(config, await corpusIn(directory, 'predictable', predictable(104)), 120)).reports.slice(
      -40
    )
    // Of 13 or more tokens that are not replaced 3 are special: knowing these alone gives at most 0.5 + 0.5 * 3 / 13 = 0.615.
    expect(mean(last.map(({ energyAuc }) => energyAuc))).toBeGreaterThan(0.65)
    expect(mean(last.map(({ discriminatorAuc }) => discriminatorAuc))).toBeLessThan(0.6)
  })
})
