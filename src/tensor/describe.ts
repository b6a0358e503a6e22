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

const isPlain = (x: unknown): boolean => x === null || (typeof x !== 'object' && typeof x !== 'string')

export const describe = (x: unknown): string => {
  switch (typeof x) {
    case 'undefined':
      return 'nothing'
    case 'string':
      return quoted(x)
    case 'object':
      if (x === null) return 'null'
      if (!Array.isArray(x)) return 'an object'
      return x.length <= 8 && x.every(isPlain) ? `[${x.join(', ')}]` : `an array of ${x.length}`
    case 'number':
      return Object.is(x, -0) ? '-0' : String(x)
    case 'bigint':
    case 'boolean':
    case 'symbol':
      return String(x)
    case 'function':
      return 'a function'
  }
}
