/**
 * A few real sentences in which the generator has replaced tokens, with those that the discriminator flags.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Corpus } from '../data/corpus/corpus.js'
import type { JudgedToken } from '../replacements.js'
import type { Samples, SampleToken } from '../report/closing-report.js'
import { counted } from '../counted.js'
import { reportWidth, wrapped } from './fit.js'

const [shown, fewestTokens] = [6, 8]

/** Sentences of fitting length from all over the held-out text, or of the training text where none is held out. */
export const sentencesOf = ({ train, heldOut }: Corpus, longest: number): ReadonlyArray<ReadonlyArray<number>> => {
  const { ids, sentenceEnds } = heldOut.sentenceEnds.length > 0 ? heldOut : train
  const fitting = Array.from(sentenceEnds, (end, i) => [i === 0 ? 0 : sentenceEnds[i - 1], end] as const).filter(
    ([from, to]) => to - from >= fewestTokens && to - from <= longest
  )
  const stride = Math.max(1, Math.floor(fitting.length / shown))
  return fitting
    .filter((_, i) => i % stride === 0)
    .slice(0, shown)
    .map(([from, to]) => Array.from(ids.subarray(from, to)))
}

/** Flags as many tokens as were replaced: the most suspicious of all sentences, the earlier of equal ones. */
export const flagged = (
  pieces: ReadonlyArray<string>,
  sentences: ReadonlyArray<ReadonlyArray<JudgedToken>>
): Samples => {
  const all = sentences.flat()
  const replaced = all.filter(({ id, original }) => id !== original).length
  const flags = new Set([...all].sort((a, b) => b.probability - a.probability).slice(0, replaced))
  return {
    sentences: sentences.map((tokens) =>
      tokens.map((token) => ({
        piece: pieces[token.id],
        ...(token.id === token.original ? {} : { original: pieces[token.original] }),
        probability: token.probability,
        isFlagged: flags.has(token)
      }))
    ),
    replaced,
    found: [...flags].filter(({ id, original }) => id !== original).length,
    tokens: all.length
  }
}

export const judgedSamples = <Err>(
  corpus: Corpus,
  sequenceLength: number,
  judge: (
    sentences: ReadonlyArray<ReadonlyArray<number>>
  ) => TE.TaskEither<Err, ReadonlyArray<ReadonlyArray<JudgedToken>>>
): TE.TaskEither<Err, Samples | undefined> => {
  const sentences = sentencesOf(corpus, sequenceLength - 2)
  return sentences.length === 0
    ? TE.right(undefined)
    : pipe(
        judge(sentences),
        TE.map((judged) => flagged(corpus.vocabulary.pieces, judged))
      )
}

const isContinuing = (piece: string): boolean => piece.startsWith('##') && piece.length > 2

const plain = (piece: string): string => (isContinuing(piece) ? piece.slice(2) : piece)

/** The marks, where they are in the text itself. */
const escaped = (text: string): string => text.replace(/[\\<>|*]/g, '\\$&')

const showToken = ({ piece, original, isFlagged }: SampleToken, i: number): string => {
  const text = original === undefined ? escaped(plain(piece)) : `<${escaped(plain(piece))}|${escaped(plain(original))}>`
  return `${isContinuing(piece) && i > 0 ? '' : ' '}${isFlagged ? `*${text}*` : text}`
}

export const showSamples = ({ sentences, replaced, found, tokens }: Samples): string => {
  const share = (n: number, of: number): string => (of === 0 ? '-' : (n / of).toFixed(2))
  return [
    ...wrapped(
      'Held-out sentences after the generator, which has put <new|old> in place of old; the discriminator flags *these*:'
    ),
    '',
    ...sentences.flatMap((sentence) => wrapped(`  ${sentence.map(showToken).join('').trim()}`, reportWidth, '    ')),
    '',
    ...wrapped(
      `Of ${counted(tokens, 'token')} ${counted(replaced, 'was', 'were')} replaced. Of as many, the most suspicious, ` +
        `${counted(found, 'was', 'were')}: precision and recall ` +
        `${share(found, replaced)}, where guessing gives ${share(replaced, tokens)}.`
    )
  ].join('\n')
}
