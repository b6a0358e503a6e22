/**
 * JSON from strangers: what `JSON.parse` lets pass is refused here.
 *
 * A key that stands twice in one object is an error (`JSON.parse` keeps the last and says nothing), and so is nesting
 * deeper than the reader expects (which costs many bytes of memory for each byte of text).
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'

export type JsonError =
  | { readonly _tag: 'NotJson' }
  | { readonly _tag: 'TooDeep'; readonly limit: number }
  | { readonly _tag: 'DuplicateKey'; readonly key: string }

/** What was found, as the object of a sentence. */
export const showJsonError = (e: JsonError): string => {
  switch (e._tag) {
    case 'NotJson':
      return 'text that is not JSON'
    case 'TooDeep':
      return `JSON nested deeper than ${e.limit}`
    case 'DuplicateKey':
      return `the key ${JSON.stringify(e.key.slice(0, 60))} twice in one object`
  }
}

/** How many objects and arrays a text opens, those in its strings included: each takes many times the memory of its text. */
export const bracketsIn = (text: string | Uint8Array): number => {
  const bytes = typeof text === 'string' ? text.length : text.byteLength
  let n = 0
  for (let at = 0; at < bytes; at++) {
    const code = typeof text === 'string' ? text.charCodeAt(at) : text[at]
    if (code === 0x7b || code === 0x5b) n++
  }
  return n
}

/** A bracket, or a whole string literal. `end` is the index behind it. */
type Token = { readonly kind: '{' | '[' | '}' | ']' | '"'; readonly start: number; readonly end: number }

/** The index behind the string literal that opens at `start`, or behind the text where it does not close. */
const endOfString = (text: string, start: number): number => {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function* tokens(text: string): Generator<Token> {
  let at = 0
  while (at < text.length) {
    const kind = text[at]
    const end = kind === '"' ? endOfString(text, at) : at + 1
    if (kind === '{' || kind === '[' || kind === '}' || kind === ']' || kind === '"') yield { kind, start: at, end }
    at = end
  }
}

const isShallow = (text: string, limit: number): boolean => {
  let depth = 0
  for (const { kind } of tokens(text)) {
    if (kind === '{' || kind === '[') depth++
    if (kind === '}' || kind === ']') depth--
    if (depth > limit) return false
  }
  return true
}

const isFollowedByColon = (text: string, end: number): boolean => {
  let at = end
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++
  return text[at] === ':'
}

/** The first key that repeats within one object of a text that is JSON. */
const duplicateKey = (text: string): string | undefined => {
  const open: Array<Set<string>> = []
  for (const { kind, start, end } of tokens(text)) {
    if (kind === '{' || kind === '[') open.push(new Set())
    if (kind === '}' || kind === ']') open.pop()
    const keys = open.at(-1)
    if (kind !== '"' || keys === undefined || !isFollowedByColon(text, end)) continue
    // Decoded, because "a" and "\u0061" are one key.
    const key = String(JSON.parse(text.slice(start, end)))
    if (keys.has(key)) return key
    keys.add(key)
  }
  return undefined
}

/**
 * The value of a JSON text whose objects and arrays nest at most `maxDepth` deep (`{"a": []}` has depth 2). Linear in the
 * text.
 */
export const parseJson =
  (maxDepth: number) =>
  (text: string): E.Either<JsonError, unknown> =>
    pipe(
      isShallow(text, maxDepth) ? E.right(text) : E.left<JsonError>({ _tag: 'TooDeep', limit: maxDepth }),
      E.chain((shallow) =>
        E.tryCatch(
          (): unknown => JSON.parse(shallow),
          (): JsonError => ({ _tag: 'NotJson' })
        )
      ),
      E.chain((json) => {
        const key = duplicateKey(text)
        return key === undefined ? E.right(json) : E.left<JsonError>({ _tag: 'DuplicateKey', key })
      })
    )
