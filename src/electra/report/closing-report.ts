/**
 * What a run has come to, as data: what its closing report says, and `report.json`, which keeps it.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { parseJson, showJsonError } from '../../tensor/strict-json.js'
import type { Where } from '../../workers/index.js'
import type { RunCompute } from '../flops/run-compute.js'
import type { Baselines, Column, Facts } from '../training/columns.js'
import { whereShape } from '../training/run-record.js'
import type { RunResult } from '../training/run.js'

/** The report as one JSON line carries it. */
export type ClosingReport = Where & {
  /** On what it was computed, by the step from which on: more than one where it was resumed on something else. */
  readonly starts: ReadonlyArray<Where & { readonly step: number }>
  readonly complete: boolean
  readonly step: number
  readonly totalSteps: number
  readonly parameters: number
  /** Means over the first and the last tenth of the steps. */
  readonly first: Readonly<Record<string, number>>
  readonly last: Readonly<Record<string, number>>
  readonly heldOut?: Readonly<Record<string, number>>
  readonly best?: { readonly step: number; readonly loss: number }
  /** Where losses are scaled: the last scale, and how many steps were skipped. */
  readonly lossScale?: { readonly last: number; readonly skipped: number }
  /** What each number is compared with, by name. The plateau on which a run begins lies at no context, not at chance. */
  readonly baselines: Readonly<Record<string, Baselines>>
  /** Such as the entropy of the training text's pieces by their frequencies, in nats. */
  readonly facts: Facts
  /** What the arithmetic of a finished run came to; not in every report. */
  readonly compute?: RunCompute
  /** Where steps were taken since the last start. */
  readonly tokensPerSecond?: number
  /** Worker threads that were lost and replaced. */
  readonly replacements: number
  readonly weightsSha256: string
  readonly optimizerSha256: string
  readonly checkpoint: string
}

const baselinesOf = ({ last, facts }: RunResult, columns: ReadonlyArray<Column>): ClosingReport['baselines'] =>
  Object.fromEntries(
    columns.flatMap(({ name, baselines }) => (baselines === undefined ? [] : [[name, baselines(last, facts)]]))
  )

export const closingReport = (
  result: RunResult,
  columns: ReadonlyArray<Column>,
  compute?: RunCompute
): ClosingReport => ({
  complete: result.isComplete,
  step: result.step,
  totalSteps: result.totalSteps,
  parameters: result.parameters,
  device: result.device,
  multiplier: result.multiplier,
  workers: result.workers,
  ranks: result.ranks,
  relaxedSimd: result.relaxedSimd,
  ...(result.precision === undefined ? {} : { precision: result.precision }),
  starts: result.starts,
  first: result.first,
  last: result.last,
  ...(result.heldOut === undefined ? {} : { heldOut: result.heldOut }),
  ...(result.best === undefined ? {} : { best: result.best }),
  ...(result.scaled === undefined
    ? {}
    : { lossScale: { last: result.scaled.lossScale, skipped: result.scaled.skipped } }),
  baselines: baselinesOf(result, columns),
  facts: result.facts,
  ...(compute === undefined ? {} : { compute }),
  ...(result.tokensPerSecond === undefined ? {} : { tokensPerSecond: result.tokensPerSecond }),
  replacements: result.replacements,
  weightsSha256: result.weightsSha256,
  optimizerSha256: result.optimizerSha256,
  checkpoint: result.checkpoint
})

// ------------------------------------------------------------- as it was kept

/** A token of a sentence in which the generator has replaced some. */
export type SampleToken = {
  readonly piece: string
  /** The piece that the generator replaced; absent where it replaced none. */
  readonly original?: string
  readonly probability: number
  readonly isFlagged: boolean
}

export type Samples = {
  readonly sentences: ReadonlyArray<ReadonlyArray<SampleToken>>
  /** Tokens that were replaced, which is how many are flagged, and how many are both. */
  readonly replaced: number
  readonly found: number
  readonly tokens: number
}

export const reportName = 'report.json'

/** More than the report of a run that was resumed a thousand times. */
export const longestReport = 2 ** 20

/** JSON has null for what is not finite. */
const real = z
  .number()
  .nullable()
  .transform((x) => x ?? NaN)
const numbers = z.record(z.string(), real)
const count = z.int().min(0)
const samples = z.object({
  sentences: z.array(
    z.array(
      z.object({
        piece: z.string(),
        original: z.string().optional(),
        probability: real,
        isFlagged: z.boolean()
      })
    )
  ),
  replaced: count,
  found: count,
  tokens: count
})

const operations = z.object({ step: z.number(), run: z.number() })

/** What is looked at of a kept report; it may say more. */
const keptReport = z.looseObject({
  ...whereShape,
  complete: z.boolean(),
  step: count,
  totalSteps: count,
  parameters: count,
  starts: z.array(z.object({ ...whereShape, step: count })).default([]),
  first: numbers,
  last: numbers,
  heldOut: numbers.optional(),
  best: z.object({ step: count, loss: real }).optional(),
  lossScale: z.object({ last: z.number(), skipped: count }).optional(),
  baselines: z.record(z.string(), z.object({ noContext: real.optional(), chance: real.optional() })).default({}),
  facts: numbers.default({}),
  compute: z
    .object({
      published: operations,
      sparse: operations,
      executed: operations,
      generatorShare: z
        .object({ published: z.number(), sparse: z.number(), executed: z.number().optional() })
        .optional(),
      batchSize: count.optional()
    })
    .optional(),
  tokensPerSecond: z.number().optional(),
  replacements: count,
  weightsSha256: z.string(),
  optimizerSha256: z.string(),
  checkpoint: z.string(),
  models: z.array(z.string()),
  // They are only looked at.
  samples: samples.optional().catch(undefined)
})

export type KeptReport = ClosingReport & { readonly models: ReadonlyArray<string>; readonly samples?: Samples }

/** A report is a shallow thing. */
const deepestReport = 16

/** The report in the text of a finished run's `report.json`; or what is found instead. */
export const parseReport = (text: string): E.Either<string, KeptReport> =>
  pipe(
    parseJson(deepestReport)(text),
    E.mapLeft(showJsonError),
    E.chain((json) => {
      const parsed = keptReport.safeParse(json)
      return parsed.success ? E.right(parsed.data) : E.left(`something else (${parsed.error.issues[0].path.join('.')})`)
    })
  )
