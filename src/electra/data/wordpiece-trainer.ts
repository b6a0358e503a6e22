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

/** Rarer characters than the most frequent thousand are left out: a word that holds one becomes [UNK]. */
export const alphabetLimit = 1000

/** A pair seen once says nothing about the language. */
const leastPairCount = 2

/**
 * A vocabulary of `size` pieces, or fewer when no pair of pieces is left that occurs twice.
 *
 * Every training word of at most 200 code points whose characters are among the `limit` most frequent can be encoded.
 * Fails with `VocabularySize` when the special pieces and the alphabet alone exceed `size`.
 */
export const trainVocabulary = (
  wordCounts: ReadonlyMap<string, number>,
  size: number,
  limit: number = alphabetLimit
): Either<VocabularyError, Vocabulary> => {
  const words = trainingWords(wordCounts, limit)
  const alphabet = [...new Set(words.flatMap(({ forms }) => forms))].sort(byCodePoint)
  const least = specialPieces.length + Math.max(1, alphabet.length)
  if (!Number.isSafeInteger(size) || size < least)
    return E.left({
      _tag: 'VocabularySize',
      found: size,
      expected: `at least ${least}: ${specialPieces.length} special pieces and an alphabet of ${alphabet.length}`
    })
  if (alphabet.length === 0)
    return E.left({ _tag: 'VocabularySize', found: size, expected: 'words to train on; there are none' })
  const pieces = [...specialPieces, ...alphabet]
  merge(pieces, words, size)
  return vocabularyOf('the trained vocabulary')(pieces)
}

type Word = { readonly forms: ReadonlyArray<string>; readonly count: number }

/** The words as pieces of one character, without those that hold a character outside the alphabet. */
const trainingWords = (wordCounts: ReadonlyMap<string, number>, limit: number): ReadonlyArray<Word> => {
  const split = [...wordCounts]
    .filter(([, count]) => count > 0)
    .map(([word, count]) => ({ characters: [...word], count }))
    .filter(({ characters }) => characters.length > 0 && characters.length <= longestWord)
  const frequency = new Map<string, number>()
  for (const { characters, count } of split)
    for (const c of characters) frequency.set(c, (frequency.get(c) ?? 0) + count)
  const kept = new Set(
    [...frequency]
      .sort(([a, m], [b, n]) => n - m || byCodePoint(a, b))
      .slice(0, limit)
      .map(([c]) => c)
  )
  return split
    .filter(({ characters }) => characters.every((c) => kept.has(c)))
    .map(({ characters, count }) => ({ forms: characters.map((c, i) => (i === 0 ? c : `##${c}`)), count }))
}

/** Single characters come first, continuing ones after them. */
const byCodePoint = (a: string, b: string): number =>
  Number(a.length > 2 && a.startsWith('##')) - Number(b.length > 2 && b.startsWith('##')) ||
  (a < b ? -1 : a > b ? 1 : 0)

/** How often a pair occurs now, and the words it was ever seen in (a word may have lost it since). */
type Pair = { readonly left: number; readonly right: number; count: number; readonly words: Array<number> }

/** Pairs are keyed by one number; ids stay far below 2^26, so keys are exact and order as (left, right). */
const keyOf = (left: number, right: number): number => left * 2 ** 26 + right

/** Appends to `pieces` until there are `size` or no pair is left. */
const merge = (pieces: Array<string>, words: ReadonlyArray<Word>, size: number): void => {
  const idOf = new Map(pieces.map((piece, id) => [piece, id]))
  const spelled = words.map(({ forms }) => forms.map((form) => idOf.get(form) ?? absent(form)))
  const pairs = new Map<number, Pair>()
  const changed = new Set<number>()

  const count = (word: number, sign: 1 | -1): void => {
    const ids = spelled[word]
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
      if (pair.count >= leastPairCount) queue.push(pair.count, key)
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
      if (!holds(spelled[word], pair.left, pair.right)) continue
      count(word, -1)
      spelled[word] = join(spelled[word], pair.left, pair.right, id)
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
