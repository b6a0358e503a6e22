/**
 * A few real sentences, with the tokens that a trained discriminator finds most suspicious.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { StepError } from '../../tensor/run/compile.js'
import type { Corpus } from '../data/corpus.js'
import { decodePieces } from '../data/tokenizer.js'

export type SuspectedToken = {
  readonly piece: string
  readonly probability: number
  /** The probability over the rate at which tokens were replaced in training. */
  readonly overBaseRate: number
}

export type SuspectedSentence = { readonly text: string; readonly tokens: ReadonlyArray<SuspectedToken> }

const [shown, fewestTokens, tokensEach] = [3, 8, 3]

/** The first sentences of fitting length, of the held-out text where there is one. */
const sentencesOf = ({ train, heldOut }: Corpus, longest: number): ReadonlyArray<ReadonlyArray<number>> => {
  const { ids, sentenceEnds } = heldOut.sentenceEnds.length > 0 ? heldOut : train
  const found: Array<ReadonlyArray<number>> = []
  for (let i = 0; i < sentenceEnds.length && found.length < shown; i++) {
    const start = i === 0 ? 0 : sentenceEnds[i - 1]
    const length = sentenceEnds[i] - start
    if (length >= fewestTokens && length <= longest) found.push(Array.from(ids.subarray(start, sentenceEnds[i])))
  }
  return found
}

/** Judges whole sentences that fit `sequenceLength` with [CLS] and [SEP], against the rate `baseRate`. */
export const suspectedSentences = (
  corpus: Corpus,
  sequenceLength: number,
  baseRate: number,
  judge: (ids: ReadonlyArray<number>) => TE.TaskEither<StepError, ReadonlyArray<number>>
): TE.TaskEither<StepError, ReadonlyArray<SuspectedSentence>> => {
  const { pieces, special } = corpus.vocabulary
  return pipe(
    sentencesOf(corpus, sequenceLength - 2),
    TE.traverseSeqArray((ids) =>
      pipe(
        judge([special.cls, ...ids, special.sep]),
        TE.map((probabilities) => ({
          text: decodePieces(ids.map((id) => pieces[id])),
          tokens: ids
            .map((id, i) => ({
              piece: pieces[id],
              probability: probabilities[i + 1],
              overBaseRate: probabilities[i + 1] / baseRate
            }))
            .sort((a, b) => b.probability - a.probability)
            .slice(0, tokensEach)
        }))
      )
    )
  )
}

export const showSentences = (sentences: ReadonlyArray<SuspectedSentence>): string =>
  [
    'Most suspicious tokens of real sentences (probability of having been replaced, over the base rate):',
    ...sentences.flatMap(({ text, tokens }) => [
      `  ${text}`,
      `      ${tokens.map((t) => `${t.piece} x${t.overBaseRate.toFixed(1)}`).join('   ')}`
    ])
  ].join('\n')
