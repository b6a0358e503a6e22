/**
 * The form of a program's JSON, before anything is asked about its meaning: which keys an object has, and what stands
 * under each. Small and without a schema library, because every page that starts a worker thread loads it.
 */

import { binaries, comparisons, unaries } from '../elementwise.js'
import type { AxisPairs, Op } from '../tensor.js'
import type { Instruction, Named, Program } from './program.js'
import { programVersion } from './serialise.js'

/** The first place where a value has not the form; `where` is a path, empty for the value itself. */
export type FormFault = { readonly where: string; readonly found: string; readonly expected: string }

type Form = (value: unknown) => FormFault | undefined

type Fields<A> = { readonly [K in keyof A]-?: Form }

const longest = 40

/** A value in a few words, never the whole of it. */
const nameOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'string')
    return value.length > longest ? `${JSON.stringify(value.slice(0, longest))}...` : JSON.stringify(value)
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing')
}

const that =
  (holds: (value: unknown) => boolean, expected: string): Form =>
  (value) =>
    holds(value) ? undefined : { where: '', found: nameOf(value), expected }

const within = (key: string, fault: FormFault | undefined): FormFault | undefined =>
  fault && { ...fault, where: fault.where === '' ? key : `${key}.${fault.where}` }

const list =
  (form: Form): Form =>
  (value) => {
    if (!Array.isArray(value)) return { where: '', found: nameOf(value), expected: 'an array' }
    for (const [i, element] of value.entries()) {
      const fault = form(element)
      if (fault !== undefined) return within(String(i), fault)
    }
    return undefined
  }

/** An object with these keys and no others. */
const object =
  (fields: Readonly<Record<string, Form>>): Form =>
  (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { where: '', found: nameOf(value), expected: 'an object' }
    const stray = Object.keys(value).find((key) => !Object.hasOwn(fields, key))
    if (stray !== undefined)
      return { where: '', found: `the unknown key ${nameOf(stray)}`, expected: Object.keys(fields).join(', ') }
    for (const [key, form] of Object.entries(fields)) {
      const fault = form((value as Readonly<Record<string, unknown>>)[key])
      if (fault !== undefined) return within(key, fault)
    }
    return undefined
  }

const text = that((value) => typeof value === 'string', 'text')
const number = that((value) => typeof value === 'number', 'a number')
const natural = that((value) => Number.isSafeInteger(value) && (value as number) >= 0, 'a natural number')
const naturals = list(natural)
const oneOf = (words: ReadonlyArray<string>): Form =>
  that((value) => typeof value === 'string' && words.includes(value), `one of ${words.join(', ')}`)

const dtype = oneOf(['f32', 'i32', 'u32', 'bool'])
const pairs = object({ left: naturals, right: naturals } satisfies Fields<AxisPairs>)

/** What each operation has besides its tag. */
const attributes: { readonly [T in Op['_tag']]: Fields<Omit<Extract<Op, { readonly _tag: T }>, '_tag'>> } = {
  constant: { value: number },
  iota: { axis: natural },
  unary: { fn: oneOf(Object.keys(unaries)) },
  binary: { fn: oneOf(Object.keys(binaries)) },
  compare: { fn: oneOf(Object.keys(comparisons)) },
  select: {},
  cast: {},
  reduce: { fn: oneOf(['sum', 'max', 'min']), axes: naturals },
  reshape: {},
  permute: { order: naturals },
  broadcast: {},
  slice: { start: naturals, step: naturals },
  pad: { low: naturals, high: naturals, interior: naturals, value: number },
  concat: { axis: natural },
  dot: { batch: pairs, contract: pairs },
  gather: { axis: natural },
  scatterAdd: { axis: natural },
  randomBits: {},
  barrier: {}
}

const tag = oneOf(Object.keys(attributes))

const ops = new Map(Object.entries(attributes).map(([name, fields]) => [name, object({ ...fields, _tag: tag })]))

const op: Form = (value) => {
  const name: unknown = typeof value === 'object' && value !== null && '_tag' in value ? value._tag : undefined
  const form = typeof name === 'string' ? ops.get(name) : undefined
  return form === undefined ? within('_tag', tag(name)) : form(value)
}

const program = object({
  version: that((value) => value === programVersion, String(programVersion)),
  inputs: list(object({ name: text, shape: naturals, dtype } satisfies Fields<Named>)),
  instructions: list(object({ op, inputs: naturals, shape: naturals, dtype } satisfies Fields<Instruction>)),
  outputs: list(object({ name: text, value: natural } satisfies Fields<Program['outputs'][number]>))
} satisfies Fields<Program & { readonly version: number }>)

/** Where and how a JSON value is not a program's; `undefined` where it is. */
export const programFormFault: Form = program
