/**
 * `metrics.jsonl`: a line of JSON for each step and each evaluation of a run.
 *
 * A run that resumes drops the lines after its checkpoint (and a last line that was cut short), so the file reads as if
 * the run had never been stopped. JSON has no NaN or infinities: they are written as null.
 */

import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { StoreError } from '../store/errors.js'
import { attempt } from '../store/files.js'

export type MetricsRecord = {
  readonly kind: 'step' | 'heldOut'
  /** Updates done. */
  readonly step: number
  readonly [name: string]: number | string
}

export type MetricsFile = { readonly append: (record: MetricsRecord) => TE.TaskEither<StoreError, void> }

/** The step that a line speaks of; `undefined` for a line that is no record. */
export const stepOfLine = (line: string): number | undefined => {
  const parsed = E.tryCatch(() => JSON.parse(line) as unknown, E.toError)
  if (E.isLeft(parsed) || typeof parsed.right !== 'object' || parsed.right === null) return undefined
  return 'step' in parsed.right && typeof parsed.right.step === 'number' ? parsed.right.step : undefined
}

/** The lines of a file that a run at `step` keeps. */
export const linesUpTo = (text: string, step: number): ReadonlyArray<string> =>
  text.split('\n').filter((line) => {
    const at = stepOfLine(line)
    return at !== undefined && at <= step
  })

const readIfThere = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return ''
    throw cause
  })

/** Opens the metrics of the run in `directory` at `step`, and writes the run's configuration beside them. */
export const metricsFile = (
  directory: string,
  step: number,
  config: string
): TE.TaskEither<StoreError, MetricsFile> => {
  const path = join(directory, 'metrics.jsonl')
  const configPath = join(directory, 'config.json')
  return pipe(
    attempt('make it', directory, () => mkdir(directory, { recursive: true })),
    TE.chain(() => attempt('write it', configPath, () => writeFile(configPath, config))),
    TE.chain(() =>
      attempt('write it', path, async () => {
        const kept = linesUpTo(await readIfThere(path), step)
        await writeFile(`${path}.tmp`, kept.map((line) => `${line}\n`).join(''))
        await rename(`${path}.tmp`, path)
      })
    ),
    TE.map(() => ({
      append: (record) => attempt('append to it', path, () => appendFile(path, `${JSON.stringify(record)}\n`))
    }))
  )
}
