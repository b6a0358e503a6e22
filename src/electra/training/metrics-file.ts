/**
 * `metrics.jsonl`: a line of JSON for each step and each evaluation of a run.
 *
 * A run that resumes drops the lines after its checkpoint (and a last line that was cut short), so the file reads as if
 * the run had never been stopped. JSON has no NaN or infinities: they are written as null.
 */

import { constants } from 'node:fs'
import { appendFile, open } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { StoreError } from '../store/errors.js'
import { attempt, notThroughLinks, readBytes, writeFileWhole } from '../store/files/files.js'

export type MetricsRecord = {
  readonly kind: 'step' | 'heldOut'
  /** Updates done. */
  readonly step: number
  readonly [name: string]: number | string
}

export type MetricsFile = {
  readonly append: (record: MetricsRecord) => TE.TaskEither<StoreError, void>
  /** Until then a loss of power may take the last lines. */
  readonly sync: TE.TaskEither<StoreError, void>
}

type Line = { readonly step: number; readonly isStep: boolean }

/** What a line speaks of; `undefined` for a line that is no record. */
const lineOf = (line: string): Line | undefined => {
  const parsed = E.tryCatch(() => JSON.parse(line) as unknown, E.toError)
  if (E.isLeft(parsed) || typeof parsed.right !== 'object' || parsed.right === null) return undefined
  const record = parsed.right
  return 'step' in record && typeof record.step === 'number'
    ? { step: record.step, isStep: 'kind' in record && record.kind === 'step' }
    : undefined
}

/** Where a run goes on: after `step`, or with the evaluation of it. */
export type From = { readonly step: number; readonly owesEvaluation: boolean }

const lineFeed = Uint8Array.of(10)

/**
 * The lines of a file that a run from there keeps, each with its line feed. As bytes: those of some million steps are more than a string
 * can hold.
 */
export const linesUpTo = (bytes: Uint8Array, { step, owesEvaluation }: From): Uint8Array => {
  const isKept = (line: Uint8Array): boolean => {
    const at = lineOf(Buffer.from(line.buffer, line.byteOffset, line.length).toString('utf8'))
    return at !== undefined && (at.step < step || (at.step === step && (at.isStep || !owesEvaluation)))
  }
  const kept: Array<Uint8Array> = []
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(lineFeed[0], start)
    const end = found < 0 ? bytes.length : found
    const line = bytes.subarray(start, end)
    if (isKept(line)) kept.push(line, lineFeed)
    start = end + 1
  }
  return Buffer.concat(kept)
}

const readIfThere = (path: string): TE.TaskEither<StoreError, Uint8Array> =>
  pipe(
    readBytes(path),
    TE.orElse((e) => (e._tag === 'FileFailure' && e.code === 'ENOENT' ? TE.right(new Uint8Array()) : TE.left(e)))
  )

/** Never makes the file: one that begins in the middle of a run would pass for the whole. */
const toItsEnd = constants.O_WRONLY | constants.O_APPEND | notThroughLinks

/** Opens the metrics of the run in `directory`, which is there. */
export const metricsFile = (directory: string, from: From): TE.TaskEither<StoreError, MetricsFile> => {
  const path = join(directory, 'metrics.jsonl')
  return pipe(
    readIfThere(path),
    TE.chain((bytes) => writeFileWhole(path, linesUpTo(bytes, from))),
    TE.map(() => ({
      append: (record) =>
        attempt('append to it', path, () => appendFile(path, `${JSON.stringify(record)}\n`, { flag: toItsEnd })),
      sync: attempt('write it', path, async () => {
        const file = await open(path, 'r+')
        await file.sync().finally(() => file.close())
      })
    }))
  )
}
