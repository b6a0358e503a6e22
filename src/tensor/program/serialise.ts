/**
 * Programs as JSON text. `deserialise` reads it back.
 *
 * JSON has no NaN, infinities or negative zero: those four are spelled as strings.
 */

import type { Program } from './program.js'

/** The version of the text's form. A reader takes exactly its own. */
export const programVersion = 1

/** For `JSON.stringify`. */
export const spellNumber = (_: string, value: unknown): unknown =>
  typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? Object.is(value, -0)
      ? '-0'
      : String(value)
    : value

export const serialise = (program: Program): string =>
  JSON.stringify({ version: programVersion, ...program }, spellNumber)
