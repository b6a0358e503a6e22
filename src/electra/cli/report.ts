/**
 * The closing report of a run: what was learnt, against what chance would give.
 */

import type { RunCompute } from '../flops/run-compute.js'
import type { Column } from '../training/columns.js'
import type { ClosingReport } from '../report/closing-report.js'
import { counted } from '../counted.js'
import { precisionFields, showLossScale, whereFields } from '../report/shown.js'
import { reportWidth, wrapped } from './fit.js'

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

const computedOn = (report: ClosingReport): ReadonlyArray<string> =>
  (report.starts.length > 1 ? report.starts : [report]).flatMap((where, i, all) =>
    factLines(
      i === 0 ? 'computed on' : '',
      `${'step' in where && i > 0 ? `from step ${where.step}: ` : ''}` +
        [...whereFields(where), ...precisionFields(where, all)].join(', ')
    )
  )

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
