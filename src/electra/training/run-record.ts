/**
 * `run.json`: how a run is carried out and on what it has been computed, so that a resume goes on as it was begun.
 *
 * None of it is in the checkpoints: it does not say what is computed, but for the arithmetic, whose bits depend on the device and
 * on who multiplies.
 */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as z from 'zod'
import { parseJson, showJsonError } from '../../tensor/strict-json.js'
import { precisions, type Precision } from '../../tensor/run/device-choice.js'
import type { Where } from '../../workers/index.js'
import { canonicalJson, type Json } from '../store/canonical-json.js'
import type { StoreError } from '../store/errors.js'
import { readText, writeFileWhole } from '../store/files/files.js'

/** From `step` on. */
export type Start = Where & { readonly step: number }

export type RunRecord = {
  readonly checkpointEvery: number
  readonly keepCheckpoints: number
  /** At least one, by step; one that goes on as the one before it is none. */
  readonly starts: ReadonlyArray<Start>
  /** What it is trained in, where that is not float32. */
  readonly precision?: Precision
  /** Directories whose weights it began with, where it did not draw all of its own. */
  readonly startedFrom?: ReadonlyArray<string>
}

/** What a resume would compute on, where it gives other bits than what the run was computed on (`before`) gives. */
export type OtherBits = { readonly _tag: 'OtherBits'; readonly before: Start; readonly now: Where }

const pathIn = (out: string): string => join(out, 'run.json')

const count = z.int().min(1)

/** `Where`, as it is kept. */
export const whereShape = {
  device: z.string(),
  multiplier: z.string(),
  workers: count,
  ranks: count,
  relaxedSimd: z.boolean(),
  precision: z.enum(precisions).optional()
}

const schema = z.strictObject({
  version: z.literal(1),
  checkpointEvery: count,
  keepCheckpoints: count,
  starts: z.array(z.strictObject({ ...whereShape, step: z.int().min(0) })).min(1),
  precision: z.enum(precisions).optional(),
  startedFrom: z.array(z.string()).optional()
})

/** More than any record of a run that was resumed a thousand times. */
const longest = 2 ** 20
const deepest = 4

/** The record of the run in a directory; none where there is none. */
export const readRecord = (out: string): TE.TaskEither<StoreError, O.Option<RunRecord>> => {
  const path = pathIn(out)
  const corrupt = (found: string): StoreError => ({ _tag: 'Corrupt', path, found, expected: 'the record of a run' })
  return pipe(
    readText(path, longest),
    TE.chainEitherK((text) =>
      pipe(
        parseJson(deepest)(text),
        E.mapLeft((e) => corrupt(showJsonError(e))),
        E.chain((json) => {
          const parsed = schema.safeParse(json)
          return parsed.success ? E.right(O.some(parsed.data)) : E.left(corrupt(z.prettifyError(parsed.error)))
        })
      )
    ),
    TE.orElse((e) => (e._tag === 'FileFailure' && e.code === 'ENOENT' ? TE.right(O.none) : TE.left(e)))
  )
}

export const writeRecord = (out: string, record: RunRecord): TE.TaskEither<StoreError, void> => {
  const { checkpointEvery, keepCheckpoints, precision, startedFrom } = record
  const starts = record.starts.map((start) => ({ ...start }))
  const inPrecision: Readonly<Record<string, Json>> = precision === undefined ? {} : { precision }
  const from: Readonly<Record<string, Json>> = startedFrom === undefined ? {} : { startedFrom: [...startedFrom] }
  return writeFileWhole(
    pathIn(out),
    `${canonicalJson({ version: 1, checkpointEvery, keepCheckpoints, starts, ...inPrecision, ...from }, 2)}\n`
  )
}

const sameWhere = (a: Where, b: Where): boolean =>
  a.device === b.device &&
  a.multiplier === b.multiplier &&
  a.workers === b.workers &&
  a.ranks === b.ranks &&
  a.relaxedSimd === b.relaxedSimd &&
  a.precision === b.precision

/** The starts of a run that goes on from `step` there: what was computed from that step on is computed again. */
export const startsWith = (starts: ReadonlyArray<Start>, now: Start): ReadonlyArray<Start> => {
  const before = starts.filter(({ step }) => step < now.step)
  const last = before.at(-1)
  return last !== undefined && sameWhere(last, now) ? before : [...before, now]
}

/**
 * Fails where `now` multiplies, adds or rounds otherwise than the last start. What a GPU has computed goes on anywhere: its bits are its
 * driver's, and a run that has lost it must be able to.
 */
export const checkArithmetic = (starts: ReadonlyArray<Start>, now: Where): E.Either<OtherBits, void> => {
  const before = starts.at(-1)
  return before === undefined ||
    (before.device === 'webgpu' && now.device !== 'webgpu') ||
    (before.device === now.device &&
      before.multiplier === now.multiplier &&
      before.relaxedSimd === now.relaxedSimd &&
      before.precision === now.precision)
    ? E.right(undefined)
    : E.left({ _tag: 'OtherBits', before, now })
}
