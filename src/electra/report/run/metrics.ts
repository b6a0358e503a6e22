/**
 * The numbers of a run, by name, from the text of its `metrics.jsonl`.
 *
 * A run that goes on may have written half of a line: what comes after the last line feed is left for the next look.
 */

import * as E from 'fp-ts/lib/Either.js'

/** A list of steps, and for each name as many numbers: NaN where a line has none. */
export type Series = {
  readonly steps: ReadonlyArray<number>
  readonly columns: ReadonlyMap<string, ReadonlyArray<number>>
}

export type Metrics = {
  readonly steps: Series
  readonly heldOut: Series
  /** Whole lines that are no record. */
  readonly unreadable: number
}

type Kind = 'step' | 'heldOut'

type Building = { readonly steps: Array<number>; readonly columns: Map<string, Array<number>> }

const isObject = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === 'object' && x !== null && !Array.isArray(x)

const recordOf = (
  line: string
): { readonly kind: Kind; readonly record: Readonly<Record<string, unknown>> } | undefined => {
  const parsed = E.tryCatch(() => JSON.parse(line) as unknown, E.toError)
  if (E.isLeft(parsed) || !isObject(parsed.right)) return undefined
  const record = parsed.right
  const { kind, step } = record
  return (kind === 'step' || kind === 'heldOut') && Number.isSafeInteger(step) ? { kind, record } : undefined
}

/** Numbers are numbers; null is one that JSON has no word for. */
const add = ({ steps, columns }: Building, record: Readonly<Record<string, unknown>>): void => {
  const place = steps.length
  steps.push(record.step as number)
  for (const [name, value] of Object.entries(record)) {
    if (name === 'step' || (typeof value !== 'number' && value !== null)) continue
    const column = columns.get(name) ?? []
    columns.set(name, column)
    while (column.length < place) column.push(NaN)
    column.push(value ?? NaN)
  }
}

const filled = ({ steps, columns }: Building): Series => {
  for (const column of columns.values()) while (column.length < steps.length) column.push(NaN)
  return { steps, columns }
}

const lineFeed = 10

/** Of the bytes of the file: those of some million steps are more than a string can hold. */
export const parseMetrics = (bytes: Uint8Array): Metrics => {
  const building: Readonly<Record<Kind, Building>> = {
    step: { steps: [], columns: new Map() },
    heldOut: { steps: [], columns: new Map() }
  }
  const decoder = new TextDecoder()
  let unreadable = 0
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(lineFeed, start)
    if (end < 0) break
    const found = recordOf(decoder.decode(bytes.subarray(start, end)))
    if (found === undefined) unreadable++
    else add(building[found.kind], found.record)
    start = end + 1
  }
  return { steps: filled(building.step), heldOut: filled(building.heldOut), unreadable }
}

/** How many seconds of training there were until each step: those of the steps before it, and its own. */
export const secondsUntil = ({ steps, columns }: Series): ReadonlyArray<number> => {
  const each = columns.get('seconds') ?? []
  let sum = 0
  return steps.map((_, i) => (sum += Number.isFinite(each[i]) ? each[i] : 0))
}
