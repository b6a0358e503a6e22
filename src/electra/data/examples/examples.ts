/**
 * Packing sentences into pre-training examples, by the rule of the original ELECTRA code.
 *
 * Sentences of one document are collected until they fill the target length, then dealt to a first and a second segment,
 * cut to fit, and written as `[CLS] A [SEP]` or `[CLS] A [SEP] B [SEP]`. What does not fit is discarded. One example in
 * ten has a single segment; one in twenty stops collecting at a shorter target.
 *
 * Source: google-research/electra, build_pretraining_dataset.py.
 */

import { hostBits, hostFold } from '../../../tensor/keys.js'
import type { Words } from '../../../tensor/threefry.js'
import type { Ids, Sentences } from '../sentences.js'
import type { SpecialIds } from '../vocabulary/vocabulary.js'

/** N examples of L ids each. */
export type Examples = {
  readonly count: number
  readonly sequenceLength: number
  /** Ids `[N, L]`, row-major, padded with 0. */
  readonly ids: Ids
  /** Tokens of each example `[N]`, [CLS] and [SEP] included. */
  readonly lengths: Uint32Array
  /** Tokens of each example's first segment `[N]`, its [CLS] and [SEP] included; the rest is segment 1. */
  readonly firstLengths: Uint32Array
}

/** The draws in [0, 1) that make example number `example`, taken in the order 0, 1, 2, ... as they are needed. */
export type Coins = (example: number) => (draw: number) => number

/** An example draws at most four times: single segment, fair coin, short target, its length. */
const drawsPerExample = 4

/** Coins of a key: 32 bits a draw, independent of how many draws other examples took. */
export const keyedCoins =
  (key: Words): Coins =>
  (example) => {
    const words = hostBits(drawsPerExample)(hostFold(example)(key))
    return (draw) => words[draw] / 2 ** 32
  }

/**
 * Every example of these sentences, in order. L is at least 5, the shortest target.
 *
 * An example is made as soon as its sentences reach the target length, and at the end of each document.
 */
export const packExamples =
  (options: { readonly sequenceLength: number; readonly special: SpecialIds; readonly coins: Coins }) =>
  (sentences: Sentences): Examples => {
    const { sequenceLength: length, special, coins } = options
    const { sentenceEnds, documentEnds } = sentences
    const rows = growingRows(sentences.ids, length)
    let target = length
    let start = 0
    for (const documentEnd of documentEnds) {
      let first = start
      for (let s = start; s < documentEnd; s++) {
        const collected = sentenceEnds[s] - startOf(sentenceEnds, first)
        if (collected < target && s + 1 < documentEnd) continue
        const toss = tosses(coins(rows.count()))
        const example = assemble(sentences, first, s + 1, length, toss)
        rows.push(special, example)
        target = toss() < 0.05 ? 5 + Math.floor(toss() * (length - 4)) : length
        first = s + 1
      }
      start = documentEnd
    }
    return rows.finish()
  }

const startOf = (ends: Uint32Array, i: number): number => (i === 0 ? 0 : ends[i - 1])

const tosses = (draw: (n: number) => number) => {
  let next = 0
  return (): number => draw(next++)
}

type Segments = { readonly a: ReadonlyArray<number>; readonly b: ReadonlyArray<number> }

/** Deals sentences `from .. to - 1` to the two segments and cuts them to fit. */
const assemble = (sentences: Sentences, from: number, to: number, length: number, toss: () => number): Segments => {
  const { ids, sentenceEnds } = sentences
  const target = toss() < 0.1 ? Infinity : Math.floor((length - 3) / 2)
  const a: Array<number> = []
  const b: Array<number> = []
  for (let s = from; s < to; s++) {
    const sentence = ids.subarray(startOf(sentenceEnds, s), sentenceEnds[s])
    // A short sentence may join A although B has begun: the original does not look at B here.
    const joinsA =
      a.length === 0 || a.length + sentence.length < target || (b.length === 0 && a.length < target && toss() < 0.5)
    const segment = joinsA ? a : b
    for (const id of sentence) segment.push(id)
  }
  const first = a.slice(0, length - 2)
  return { a: first, b: b.slice(0, Math.max(0, length - first.length - 3)) }
}

/** Rows of `length` ids, kept as narrow as the ids they come from. */
const growingRows = (like: Ids, length: number) => {
  const allocate = (n: number): Ids => (like.BYTES_PER_ELEMENT === 2 ? new Uint16Array(n) : new Uint32Array(n))
  const lengths: Array<number> = []
  const firstLengths: Array<number> = []
  let ids = allocate(64 * length)
  return {
    count: (): number => lengths.length,
    push: ({ cls, sep }: SpecialIds, { a, b }: Segments): void => {
      const row = b.length === 0 ? [cls, ...a, sep] : [cls, ...a, sep, ...b, sep]
      const at = lengths.length * length
      if (at + length > ids.length) {
        const wider = allocate(2 * ids.length)
        wider.set(ids)
        ids = wider
      }
      ids.set(row, at)
      lengths.push(row.length)
      firstLengths.push(a.length + 2)
    },
    finish: (): Examples => ({
      count: lengths.length,
      sequenceLength: length,
      ids: ids.slice(0, lengths.length * length),
      lengths: Uint32Array.from(lengths),
      firstLengths: Uint32Array.from(firstLengths)
    })
  }
}
