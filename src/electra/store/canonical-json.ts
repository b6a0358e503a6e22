/**
 * One text for each JSON value: keys sorted, so that equal values have equal texts and equal hashes.
 */

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

const sorted = (value: Json): Json => {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(sorted)
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, child]) => [key, sorted(child)])
  )
}

/** Without white space, or with `indent` spaces a level. Numbers must be finite. */
export const canonicalJson = (value: Json, indent = 0): string => JSON.stringify(sorted(value), null, indent)
