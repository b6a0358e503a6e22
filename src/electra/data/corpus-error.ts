/**
 * What can go wrong between text files and an opened corpus.
 */

import { reasonOfCode, systemReasonOf } from '../system-error.js'
import { showStoreError, type StoreError } from '../store/errors.js'
import type { Skipped } from './text/source.js'
import { showTokenizerError, type TokenizerError } from './vocabulary/tokenizer.js'
import { showVocabularyError, type VocabularyError } from './vocabulary/vocabulary.js'

export type CorpusError =
  | { readonly _tag: 'NoText'; readonly inputs: ReadonlyArray<string>; readonly skipped: ReadonlyArray<Skipped> }
  /** There is no corpus where one was looked for. */
  | { readonly _tag: 'NoCorpus'; readonly path: string }
  | { readonly _tag: 'UnreadableFile'; readonly path: string; readonly reason: string }
  /** `offset` counts bytes from 0 (in the uncompressed text of a .gz file), `line` from 1. */
  | {
      readonly _tag: 'MalformedText'
      readonly path: string
      readonly line: number
      readonly offset: number
      readonly found: string
    }
  | {
      readonly _tag: 'MalformedRecord'
      readonly path: string
      readonly line: number
      readonly found: string
      readonly expected: string
    }
  | { readonly _tag: 'LineTooLong'; readonly path: string; readonly line: number; readonly limit: number }
  | { readonly _tag: 'OutputExists'; readonly path: string }
  | { readonly _tag: 'WriteFailed'; readonly path: string; readonly reason: string }
  | { readonly _tag: 'DamagedCorpus'; readonly path: string; readonly found: string; readonly expected: string }
  | { readonly _tag: 'UnusableVocabulary'; readonly reason: string }
  | VocabularyError
  | TokenizerError

/** So many reasons are told one by one. */
const shownReasons = 10

const counted = (count: number): string => count.toLocaleString('en')

/** `2 hidden (first: books/.git)`, a line for each reason, the most frequent ones first. */
export const showSkipped = (skipped: ReadonlyArray<Skipped>): ReadonlyArray<string> => {
  const sorted = [...skipped].sort((a, b) => b.count - a.count)
  const rest = sorted.slice(shownReasons).reduce((sum, { count }) => sum + count, 0)
  return [
    ...sorted.slice(0, shownReasons).map(({ why, count, first }) => `${counted(count)} ${why} (first: ${first})`),
    ...(rest === 0 ? [] : [`${counted(rest)} for ${counted(sorted.length - shownReasons)} other reasons`])
  ]
}

export const showCorpusError = (e: CorpusError): string => {
  switch (e._tag) {
    case 'NoText':
      return (
        `no text in ${e.inputs.join(', ')}: a corpus needs a file, or a directory of .txt or .jsonl files (.gz too), with words in it` +
        (e.skipped.length === 0 ? '' : `; left out: ${showSkipped(e.skipped).join('; ')}`)
      )
    case 'NoCorpus':
      return (
        `${e.path}: found no corpus (no corpus.json in it), expected a directory made from text by ` +
        '`pure-electra corpus build --input TEXT --out DIRECTORY`'
      )
    case 'MalformedRecord':
      return `${e.path}, line ${e.line}: found ${e.found}, expected ${e.expected}`
    case 'UnreadableFile':
      return `cannot read ${e.path}: ${e.reason}`
    case 'MalformedText':
      return `${e.path}, line ${e.line}, byte ${e.offset}: found ${e.found}, expected UTF-8 text`
    case 'LineTooLong':
      return `${e.path}, line ${e.line}: longer than ${e.limit} bytes; put one sentence or paragraph on a line`
    case 'OutputExists':
      return `${e.path} exists already; remove it or choose another directory`
    case 'WriteFailed':
      return `cannot write ${e.path}: ${e.reason}`
    case 'DamagedCorpus':
      return `${e.path} is damaged: found ${e.found}, expected ${e.expected}; build the corpus again`
    case 'UnusableVocabulary':
      return e.reason
    case 'MalformedVocabulary':
    case 'VocabularySize':
      return showVocabularyError(e)
    case 'TokenizerFailed':
      return showTokenizerError(e)
  }
}

export const unreadable = (path: string, error: unknown): CorpusError => ({
  _tag: 'UnreadableFile',
  path,
  reason: systemReasonOf(error)
})

/** What kept a whole file from being read, as an error of a corpus. */
export const unreadableFile =
  (path: string) =>
  (e: StoreError): CorpusError => {
    if (e._tag === 'FileFailure') return { _tag: 'UnreadableFile', path, reason: reasonOfCode(e.code, e.reason) }
    const reason = e._tag === 'Corrupt' ? `found ${e.found}, expected ${e.expected}` : showStoreError(e)
    return { _tag: 'UnreadableFile', path, reason }
  }

export const unwritable = (path: string, error: unknown): CorpusError => ({
  _tag: 'WriteFailed',
  path,
  reason: systemReasonOf(error)
})
