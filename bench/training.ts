/**
 * What is trained in the measurements of whole steps: two presets, on the shipped text.
 */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import {
  buildCorpus,
  defaultRecipe,
  objectiveOf,
  openCorpus,
  pretrainingSession,
  pretrainingPrograms,
  resolveConfig,
  showConfigError,
  showCorpusError,
  type Corpus,
  type ElectraConfig,
  type PretrainingPrograms,
  type Session
} from '../src/electra/index.js'
import { showRunError } from '../src/electra/cli/show-error.js'
import { drawnPieces } from '../src/electra/objective/pieces.js'
import { slotsOf } from '../src/electra/data/examples/masking.js'
import { showTensorError } from '../src/tensor/index.js'
import { pooledFold, type Pool } from '../src/workers/index.js'
import { sampleText } from './places.js'

/** One shard each, but for `pair`: a step is one batch through both networks, as the peers do it. */
const sizes = {
  small: { extends: 'small', batchSize: 8, shards: 1, pieces: 30522 },
  // With the dropout of the others: the preset has none.
  tiny: {
    extends: 'tiny',
    batchSize: 32,
    shards: 1,
    pieces: 8192,
    model: { hiddenDropout: 0.1, attentionDropout: 0.1 }
  },
  pair: { extends: 'small', batchSize: 16, shards: 2, pieces: 30522 }
} as const

export type Trained = keyof typeof sizes

/** Those that are trained on one thread. */
export const trained: ReadonlyArray<Trained> = ['small', 'tiny']

/** Steps until the schedule ends: more than are ever timed. */
export const totalSteps = 10_000

export const configOf = (which: Trained): ElectraConfig => {
  const { pieces: _, ...overrides } = sizes[which]
  const config = resolveConfig(overrides)
  if (E.isLeft(config)) throw new Error(showConfigError(config.left))
  return config.right
}

export const programsOf = (which: Trained): E.Either<string, PretrainingPrograms> => {
  const config = configOf(which)
  return pipe(
    pretrainingPrograms(config, objectiveOf(config, drawnPieces(sizes[which].pieces)), totalSteps),
    E.mapLeft(showTensorError)
  )
}

/** Tokens of a step, padding included: it costs as much. */
export const tokensOf = (which: Trained): number => {
  const { batchSize, sequenceLength } = configOf(which)
  return batchSize * sequenceLength
}

/** The sizes as the peers want them: `peers/electra.mjs`. */
export const peerSizes = (which: Trained, threads = 1): unknown => {
  const { model, generator, batchSize, sequenceLength, maskProbability } = configOf(which)
  const encoder = ({ hiddenSize, heads, feedForwardSize, layers }: typeof generator): unknown => ({
    hidden: hiddenSize,
    heads,
    feedForward: feedForwardSize,
    layers
  })
  return {
    vocabulary: sizes[which].pieces,
    embedding: model.embeddingSize,
    positions: model.maxPositions,
    length: sequenceLength,
    batch: batchSize,
    slots: slotsOf(maskProbability, sequenceLength),
    dropout: model.hiddenDropout,
    threads,
    body: encoder(model),
    generator: encoder(generator)
  }
}

/** Builds the corpus in a directory, for `openText`. */
export const buildText = (directory: string): TaskEither<string, void> =>
  pipe(
    buildCorpus({ ...defaultRecipe, inputs: [sampleText], out: join(directory, 'corpus') }),
    TE.bimap(showCorpusError, () => undefined)
  )

/** The corpus, with the vocabulary made as large as the preset is measured with by pieces that the text has not. */
export const openText = (directory: string, which: Trained): TaskEither<string, Corpus> =>
  pipe(
    openCorpus(join(directory, 'corpus')),
    TE.bimap(showCorpusError, (corpus) => {
      const { pieces } = corpus.vocabulary
      const unused = Array.from({ length: sizes[which].pieces - pieces.length }, (_, i) => `[unused${i}]`)
      return { ...corpus, vocabulary: { ...corpus.vocabulary, pieces: [...pieces, ...unused] } }
    })
  )

/** A run on a pool. */
export const sessionOn =
  (which: Trained, corpus: Corpus) =>
  (pool: Pool): TaskEither<string, Session> =>
    pipe(
      pretrainingSession({ config: configOf(which), corpus, seed: 0, totalSteps })(pooledFold(pool)),
      TE.mapLeft(showRunError)
    )

export const finite = (loss: number): E.Either<string, void> =>
  Number.isFinite(loss) ? E.right(undefined) : E.left(`the loss is ${loss}`)

export type Steps = {
  /** Takes the next step. */
  readonly step: TaskEither<string, void>
  /** Whether the loss of the last one is a number. */
  readonly check: TaskEither<string, void>
}

export const stepsOf = (session: Session): Steps => {
  let [done, loss] = [0, NaN]
  return {
    step: () =>
      pipe(
        session.step(done++),
        TE.bimap(showRunError, ({ report }) => {
          loss = report.loss
        })
      )(),
    check: TE.fromIOEither(() => finite(loss))
  }
}
