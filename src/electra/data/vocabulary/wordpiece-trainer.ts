/**
 * Training a WordPiece vocabulary from word counts, by byte-pair encoding over characters.
 *
 * Every word starts as its characters, `##` before all but the first. The most frequent pair of neighbouring pieces is
 * joined everywhere, again and again, until the vocabulary is full; equal counts are settled by the older pieces. The
 * result is ordered: special pieces, alphabet by code point, then merges in the order they were made. It depends on the
 * counts only, not on the order of the words.
 *
 * Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", ACL 2016.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { longestWord, specialPieces, vocabularyOf, type Vocabulary, type VocabularyError } from './vocabulary.js'

/** A pair seen once says nothing about the language. */
const leastPairCount = 2

export type TrainerOptions = {
  /** Pieces of the vocabulary, the special ones among them. */
  readonly size: number
  /** Most characters of the alphabet; where not given, as many as `size` holds. */
  readonly alphabet?: number
  /** How often a character and a pair must occur; where not given, a character once and a pair twice. */
  readonly leastCount?: number
}

/**
 * A vocabulary of `size` pieces, or fewer when no pair of pieces is left that occurs often enough.
 *
 * The alphabet has the most frequent characters, as many of them as `size` holds and `alphabet` allows. Every training word
 * of at most `longestWord` code points whose characters are all in it can be encoded; a word with another character is
 * [UNK]. Fails with `VocabularySize` where no word can be encoded.
 */
export const trainVocabulary = (
  wordCounts: ReadonlyMap<string, number>,
  options: TrainerOptions
): Either<VocabularyError, Vocabulary> => {
  const { size, leastCount } = options
  const split = splitWords(wordCounts)
  const refused = (expected: string) => E.left<VocabularyError>({ _tag: 'VocabularySize', found: size, expected })
  if (split.length === 0) return refused('words to train on; there are none')
  const kept = alphabetOf(split, options)
  const words = split.filter(({ characters }) => characters.every((c) => kept.has(c))).map(spelled)
  if (!Number.isSafeInteger(size) || words.length === 0) {
    const forms = new Set(split.flatMap((word) => spelled(word).forms)).size
    return refused(
      `enough for some word of the text; ${specialPieces.length + forms} hold all: ` +
        `${specialPieces.length} special pieces and an alphabet of ${forms}`
    )
  }
  const alphabet = [...new Set(words.flatMap(({ forms }) => forms))].sort(byCodePoint)
  const pieces = [...specialPieces, ...alphabet]
  merge(pieces, words, size, Math.max(leastPairCount, leastCount ?? 0))
  return vocabularyOf('the trained vocabulary')(pieces)
}

type SplitWord = { readonly characters: ReadonlyArray<string>; readonly count: number }

const splitWords = (wordCounts: ReadonlyMap<string, number>): ReadonlyArray<SplitWord> =>
  [...wordCounts]
    .filter(([, count]) => count > 0)
    .map(([word, count]) => ({ characters: [...word], count }))
    .filter(({ characters }) => characters.length > 0 && characters.length <= longestWord)

type Word = { readonly forms: ReadonlyArray<string>; readonly count: number }

/** A word as pieces of one character. */
const spelled = ({ characters, count }: SplitWord): Word => ({
  forms: characters.map((c, i) => (i === 0 ? c : `##${c}`)),
  count
})

/** A character takes one piece where it only begins words or only continues them, as Han characters do, and else two. */
type Character = { count: number; begins: boolean; continues: boolean }

const alphabetOf = (
  words: ReadonlyArray<SplitWord>,
  { size, alphabet = Infinity, leastCount = 1 }: TrainerOptions
): ReadonlySet<string> => {
  const seen = new Map<string, Character>()
  for (const { characters, count } of words)
    for (const [i, c] of characters.entries()) {
      const known = seen.get(c) ?? { count: 0, begins: false, continues: false }
      known.count += count
      if (i === 0) known.begins = true
      else known.continues = true
      seen.set(c, known)
    }
  const kept = new Set<string>()
  let room = size - specialPieces.length
  const byFrequency = [...seen].sort(([a, m], [b, n]) => n.count - m.count || byCodePoint(a, b))
  for (const [c, { count, begins, continues }] of byFrequency) {
    const pieces = Number(begins) + Number(continues)
    if (kept.size >= alphabet || count < leastCount) break
    if (pieces > room) continue
    kept.add(c)
    room -= pieces
  }
  return kept
}

/** Single characters come first, continuing ones after them. */
const byCodePoint = (a: string, b: string): number =>
  Number(a.length > 2 && a.startsWith('##')) - Number(b.length > 2 && b.startsWith('##')) ||
  (a < b ? -1 : a > b ? 1 : 0)

/** How often a pair occurs now, and the words it was ever seen in (a word may have lost it since). */
type Pair = { readonly left: number; readonly right: number; count: number; readonly words: Array<number> }

/** Pairs are keyed by one number; ids stay far below 2^26, so keys are exact and order as (left, right). */
const keyOf = (left: number, right: number): number => left * 2 ** 26 + right

/** Appends to `pieces` until there are `size` or no pair is left that occurs `least` times. */
const merge = (pieces: Array<string>, words: ReadonlyArray<Word>, size: number, least: number): void => {
  const idOf = new Map(pieces.map((piece, id) => [piece, id]))
  const spellings = words.map(({ forms }) => forms.map((form) => idOf.get(form) ?? absent(form)))
  const pairs = new Map<number, Pair>()
  const changed = new Set<number>()

  const count = (word: number, sign: 1 | -1): void => {
    const ids = spellings[word]
    for (let i = 0; i + 1 < ids.length; i++) {
      const key = keyOf(ids[i], ids[i + 1])
      const known = pairs.get(key)
      const pair = known ?? { left: ids[i], right: ids[i + 1], count: 0, words: [] }
      if (known === undefined) pairs.set(key, pair)
      pair.count += sign * words[word].count
      if (sign === 1 && pair.words.at(-1) !== word) pair.words.push(word)
      changed.add(key)
    }
  }

  const queue = pairQueue()
  const enqueueChanged = (): void => {
    for (const key of changed) {
      const pair = pairs.get(key)
      if (pair === undefined) continue
      if (pair.count >= least) queue.push(pair.count, key)
      else if (pair.count === 0) pairs.delete(key)
    }
    changed.clear()
  }

  for (let word = 0; word < words.length; word++) count(word, 1)
  enqueueChanged()

  while (pieces.length < size) {
    const top = queue.pop()
    if (top === undefined) return
    const pair = pairs.get(top.key)
    // Every change of a count is enqueued anew, so an entry whose count is not the present one is simply old.
    if (pair === undefined || pair.count !== top.count) continue
    const joined = pieces[pair.left] + pieces[pair.right].slice(2)
    // Two ways of cutting a piece meet in one entry: only the first of them makes the vocabulary grow.
    const known = idOf.get(joined)
    const id = known ?? pieces.length
    if (known === undefined) {
      pieces.push(joined)
      idOf.set(joined, id)
    }
    for (const word of new Set(pair.words)) {
      if (!holds(spellings[word], pair.left, pair.right)) continue
      count(word, -1)
      spellings[word] = join(spellings[word], pair.left, pair.right, id)
      count(word, 1)
    }
    enqueueChanged()
  }
}

const absent = (form: string): never => {
  throw new Error(`the alphabet lacks ${form}, though it was made of the words`)
}

const holds = (ids: ReadonlyArray<number>, left: number, right: number): boolean => {
  for (let i = 0; i + 1 < ids.length; i++) if (ids[i] === left && ids[i + 1] === right) return true
  return false
}

const join = (ids: ReadonlyArray<number>, left: number, right: number, joined: number): Array<number> => {
  const out: Array<number> = []
  for (let i = 0; i < ids.length; i++) {
    if (i + 1 < ids.length && ids[i] === left && ids[i + 1] === right) {
      out.push(joined)
      i++
    } else out.push(ids[i])
  }
  return out
}

type Entry = { readonly count: number; readonly key: number }

/** A binary heap: largest count first, then smallest key. */
const pairQueue = () => {
  const heap: Array<Entry> = []
  const before = (a: Entry, b: Entry): boolean => a.count > b.count || (a.count === b.count && a.key < b.key)
  return {
    push: (count: number, key: number): void => {
      const entry = { count, key }
      let at = heap.length
      heap.push(entry)
      while (at > 0) {
        const parent = (at - 1) >> 1
        if (!before(entry, heap[parent])) break
        heap[at] = heap[parent]
        at = parent
      }
      heap[at] = entry
    },
    pop: (): Entry | undefined => {
      const top = heap[0]
      const last = heap.pop()
      if (last === undefined || heap.length === 0) return top
      let at = 0
      for (;;) {
        const left = 2 * at + 1
        if (left >= heap.length) break
        const child = left + 1 < heap.length && before(heap[left + 1], heap[left]) ? left + 1 : left
        if (!before(heap[child], last)) break
        heap[at] = heap[child]
        at = child
      }
      heap[at] = last
      return top
    }
  }
}
