/** All that a run's directory says of it. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { parseJson } from '../../../tensor/strict-json.js'
import type { KeptReport } from '../closing-report.js'
import type { Samples } from '../closing-report.js'
import type { RunRecord } from '../../training/run-record.js'
import type { Metrics } from './metrics.js'

export type RunData = {
  /** Of charts and tables, unlike those of the others. */
  readonly name: string
  readonly directory: string
  readonly metrics: Metrics
  /** `config.json`, as it stands there. */
  readonly config?: string
  readonly record?: RunRecord
  /** Of a run that is finished. */
  readonly report?: KeptReport
  readonly samples?: Samples
}

/** Deeper than any configuration. */
const deepest = 8

const withObjective = z.looseObject({ objective: z.string() })

/** What a run is trained on, by its configuration; nothing of a fine-tuning. */
export const objectiveOf = ({ config }: RunData): string | undefined =>
  pipe(
    parseJson(deepest)(config ?? ''),
    E.match(
      () => undefined,
      (json) => withObjective.safeParse(json).data?.objective
    )
  )

/** The shortest ends of their paths that tell directories apart. */
export const namesOf = (directories: ReadonlyArray<string>): ReadonlyArray<string> => {
  const parts = directories.map((directory) => directory.split(/[\\/]+/).filter((part) => part !== '' && part !== '.'))
  const ends = (n: number): ReadonlyArray<string> => parts.map((of) => of.slice(-n).join('/'))
  const distinct = new Set(parts.map((of) => of.join('/'))).size
  const longest = Math.max(1, ...parts.map((of) => of.length))
  const from = (n: number): ReadonlyArray<string> =>
    n >= longest || new Set(ends(n)).size === distinct ? ends(n) : from(n + 1)
  // The same directory given twice.
  return from(1).map((name, i, all) => {
    const before = all.slice(0, i).filter((other) => other === name).length
    return before === 0 ? name || '.' : `${name} (${before + 1})`
  })
}
