/**
 * The closing report of a run: what was learnt, against what chance would give.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { precisions } from '../../tensor/run/device-choice.js'
import { parseJson, showJsonError } from '../../tensor/strict-json.js'
import type { RunCompute } from '../flops/run-compute.js'
import type { Baselines, Column, Facts } from '../training/columns.js'
import type { RunResult } from '../training/run.js'
import type { Where } from '../../workers/index.js'
import { counted } from './counted.js'
import { whereFields } from './device.js'
import { reportWidth, wrapped } from './fit.js'
import type { Samples } from './samples.js'

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
const where = z.object({
  device: z.string(),
  multiplier: z.string(),
  workers: count,
  ranks: count,
  relaxedSimd: z.boolean(),
  precision: z.enum(precisions).optional()
})

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
  ...where.shape,
  complete: z.boolean(),
  step: count,
  totalSteps: count,
  parameters: count,
  starts: z.array(z.object({ ...where.shape, step: count })).default([]),
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

type Labelled = Column & { readonly label: string }

/** The columns of the closing table that this report has numbers for. */
const shownIn = (
  { first, last, heldOut = {} }: ClosingReport,
  columns: ReadonlyArray<Column>
): ReadonlyArray<Labelled> =>
  columns.filter(
    (column): column is Labelled =>
      column.label !== undefined && [first, last, heldOut].some((numbers) => column.name in numbers)
  )

const titles = ['first tenth', 'last tenth', 'held out', 'no context', 'chance'] as const

/** Of the column that all labels stand in. */
const labelWidth = 22

/** Of a number with its gap: 7 characters at least, and the whole no wider than a report may be. */
const columnWidths = titles.map((title) => Math.max(title.length, 8) + 2)

/** As it is, or rounded to what there is room for. */
const cell = (x: number | undefined, digits: number): string => {
  if (x === undefined || !Number.isFinite(x)) return '-'
  const plain = x.toFixed(digits)
  return plain.length <= 8 ? plain : x.toExponential(0)
}

const tableLine = (label: string, cells: ReadonlyArray<string>): string =>
  `${label.padEnd(labelWidth)}${cells.map((text, i) => text.padStart(columnWidths[i])).join('')}`

/** A fact below the table: its name, and its words under each other. */
export const factLines = (name: string, fact: string): ReadonlyArray<string> => {
  const indent = ' '.repeat(16)
  const [first, ...rest] = wrapped(fact, reportWidth - indent.length)
  return [`${name.padEnd(indent.length)}${first}`, ...rest.map((line) => `${indent}${line}`)]
}

/** Where others of a run computed in mixed precision, one that did not says so. */
const precisionFields = (where: Where, all: ReadonlyArray<Where>): ReadonlyArray<string> =>
  where.precision !== 'mixed' && all.some(({ precision }) => precision === 'mixed') ? ['float32'] : []

const computedOn = (report: ClosingReport): ReadonlyArray<string> =>
  (report.starts.length > 1 ? report.starts : [report]).flatMap((where, i, all) =>
    factLines(
      i === 0 ? 'computed on' : '',
      `${'step' in where && i > 0 ? `from step ${where.step}: ` : ''}` +
        [...whereFields(where), ...precisionFields(where, all)].join(', ')
    )
  )

const showLossScale = ({ last, skipped }: NonNullable<ClosingReport['lossScale']>, steps: number): string =>
  `${last} at the last step; ${skipped} of ${counted(steps, 'step')} skipped`

const showCompute = ({ published, executed, generatorShare, batchSize }: RunCompute): ReadonlyArray<string> => {
  const [counted, ours] = [published, executed].map(
    ({ run, step }) =>
      `${run.toExponential(4)} operations, ${step.toExponential(4)} a step` +
      (batchSize === undefined ? '' : `, ${(step / batchSize).toExponential(4)} an example`)
  )
  const share =
    generatorShare === undefined ? '' : `, ${(100 * generatorShare.published).toFixed(3)} % of them the generator's`
  return [...factLines('compute', `by the paper's count ${counted}${share};`), ...factLines('', `executed ${ours}`)]
}

/** What people read, at most `reportWidth` wide but for paths that are longer. */
export const showReport = (report: ClosingReport, columns: ReadonlyArray<Column>): string => {
  const shown = shownIn(report, columns)
  const notes = shown.flatMap(({ note }) => (note === undefined ? [] : wrapped(note(report.facts))))
  return [
    `${report.complete ? 'Finished' : 'Stopped'} at step ${report.step} of ${report.totalSteps}: ` +
      counted(report.parameters, 'parameter') +
      (report.tokensPerSecond === undefined ? '' : `, ${report.tokensPerSecond.toFixed(0)} tokens/s`),
    '',
    tableLine('', titles),
    ...shown.map(({ label, name, digits }) => {
      const { noContext, chance } = report.baselines[name] ?? {}
      return tableLine(
        label,
        [report.first[name], report.last[name], report.heldOut?.[name], noContext, chance].map((x) => cell(x, digits))
      )
    }),
    '',
    ...(notes.length === 0 ? [] : [...notes, '']),
    ...(report.best === undefined
      ? []
      : factLines('best held out', `loss ${report.best.loss.toFixed(4)} at step ${report.best.step}`)),
    ...(report.compute === undefined ? [] : showCompute(report.compute)),
    ...(report.lossScale === undefined ? [] : factLines('loss scale', showLossScale(report.lossScale, report.step))),
    ...computedOn(report),
    ...(report.replacements === 0 ? [] : factLines('replaced', counted(report.replacements, 'thread'))),
    ...factLines('weights sha256', report.weightsSha256),
    // Of Adam's moments, in the same way: with that word the line would be too long.
    ...factLines('optimizer', report.optimizerSha256),
    ...factLines('checkpoint', report.checkpoint)
  ].join('\n')
}
