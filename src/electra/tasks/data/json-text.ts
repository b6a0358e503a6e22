/**
 * JSON of data sets: strict, of bounded depth, and held to a schema.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as z from 'zod'
import { describe } from '../../../tensor/describe.js'
import { bracketsIn, parseJson, showJsonError } from '../../../tensor/strict-json.js'
import type { Mistake } from './data-error.js'

/** Halves of surrogate pairs, which JSON can spell and UTF-8 cannot, become U+FFFD: one for one, so that nothing moves. */
export const wellFormed = (text: string): string => Buffer.from(text).toString()

/** A text of JSON, well-formed. */
export const text = z.string().transform(wellFormed)

/** What a data set may hold beside what is read of it nests no deeper. */
const deepest = 16

/** Objects and arrays of one text: each takes many times the memory of its brackets. */
const mostBrackets = 2 ** 23

/** The value of a text that is JSON. `expected` is what the text should have been. */
export const jsonOf =
  (expected: string) =>
  (json: string): Either<Mistake, unknown> => {
    if (bracketsIn(json) > mostBrackets)
      return E.left({ found: `more than ${mostBrackets} objects and arrays`, expected })
    const parsed = parseJson(deepest)(json)
    return E.isLeft(parsed) ? E.left({ found: showJsonError(parsed.left), expected }) : parsed
  }

/** The value as the schema has it; else the first place where it is something else. */
export const held =
  <A>(schema: z.ZodType<A>, expected: string) =>
  (value: unknown): Either<Mistake, A> => {
    const parsed = schema.safeParse(value)
    if (parsed.success) return E.right(parsed.data)
    const [{ path }] = parsed.error.issues
    const there = path.reduce<unknown>(fieldOf, value)
    const place = path.map(String).join('.')
    return E.left({ found: place === '' ? describe(there) : `${place} = ${describe(there)}`, expected })
  }

const fieldOf = (value: unknown, name: PropertyKey): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
