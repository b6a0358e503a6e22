/**
 * A short description of a value of unknown type, for messages about what is not what it should be.
 *
 * Safe on hostile input: the text is short and nothing is walked recursively.
 */

const longest = 60

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** A text in quotes on one line, shortened, with nothing in it that a terminal obeys or does not show. */
export const quoted = (text: string, most = longest): string =>
  JSON.stringify(text.length > most ? `${text.slice(0, most)}...` : text).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    escaped
  )

const isPlain = (x: unknown): x is number | bigint | boolean | symbol | null | undefined =>
  x === null || (typeof x !== 'object' && typeof x !== 'string' && typeof x !== 'function')

export const describe = (x: unknown): string => {
  if (x === undefined) return 'nothing'
  if (typeof x === 'string') return quoted(x)
  if (typeof x === 'function') return 'a function'
  if (isPlain(x)) return Object.is(x, -0) ? '-0' : String(x)
  if (!Array.isArray(x)) return 'an object'
  return x.length <= 8 && x.every(isPlain) ? `[${x.join(', ')}]` : `an array of ${x.length}`
}
