/**
 * A short description of a value of unknown type, for messages about files that do not hold what they should.
 *
 * Safe on hostile input: the text is short and nothing is walked recursively.
 */

const longest = 60

const isPlain = (x: unknown): boolean => x === null || (typeof x !== 'object' && typeof x !== 'string')

export const describe = (x: unknown): string => {
  switch (typeof x) {
    case 'undefined':
      return 'nothing'
    case 'string':
      return JSON.stringify(x.length > longest ? `${x.slice(0, longest)}...` : x)
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
