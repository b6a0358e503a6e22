/** The report of runs, finished or not: what they have come to, curves over each other, sample sentences, and how they were made. */

import { counted } from '../../counted.js'
import { columnsFor, digitsOf, knownColumns, labelOf, type Columns } from '../columns.js'
import {
  code,
  figures,
  numbers,
  says,
  section,
  strong,
  subsection,
  table,
  words,
  type Block,
  type Document,
  type MarkedWord,
  type Table,
  type Text
} from '../document.js'
import {
  duration,
  fixed,
  none,
  percent,
  precisionFields,
  scientific,
  showLossScale,
  whereFields,
  whole
} from '../shown.js'
import { heldOutFigures, trainingFigures, type ColumnsOf } from './curves.js'
import { secondsUntil } from './metrics.js'
import { objectiveOf, type RunData } from './run-data.js'

const lastStep = ({ metrics, report }: RunData): number =>
  Math.max(0, report?.step ?? 0, metrics.steps.steps.at(-1) ?? 0, metrics.heldOut.steps.at(-1) ?? 0)

const secondsOf = ({ metrics }: RunData): number => secondsUntil(metrics.steps).at(-1) ?? 0

/** `nano finished at step 1,500: 15,777 parameters, 25 s of training.` */
const sentenceOf = (run: RunData): Text => {
  const { report, name } = run
  const time = `${duration(secondsOf(run))} of training`
  return report === undefined
    ? [code(name), ' ', strong('is not finished'), `: ${counted(lastStep(run), 'step')} so far, ${time}. `]
    : [
        code(name),
        ` finished at step ${whole(report.step)} of ${whole(report.totalSteps)}: ${counted(report.parameters, 'parameter')}, ${time}. `
      ]
}

/** Of a run that is not finished what it last said. */
const lastOf = ({ metrics }: RunData, name: string): number | undefined =>
  metrics.heldOut.columns.get(name)?.findLast((x) => !Number.isNaN(x))

const closingTable = (columns: Columns, run: RunData): Table => {
  const { report } = run
  const names =
    report === undefined
      ? [...run.metrics.heldOut.columns.keys()]
      : [...new Set([...Object.keys(report.last), ...Object.keys(report.heldOut ?? {})])]
  return {
    caption: `${run.name}: what was learnt`,
    columns: [...words('number'), ...numbers('first tenth', 'last tenth', 'held out', 'no context', 'chance')],
    rows: names.map((name) => {
      const { noContext, chance } = report?.baselines[name] ?? {}
      return [
        labelOf(columns, name),
        ...[
          report?.first[name],
          report?.last[name],
          report?.heldOut?.[name] ?? lastOf(run, name),
          noContext,
          chance
        ].map((x) => fixed(x, digitsOf(columns, name)))
      ]
    })
  }
}

// ------------------------------------------------------------- sample sentences

const isContinuing = (piece: string): boolean => piece.startsWith('##') && piece.length > 2

const plain = (piece: string): string => (isContinuing(piece) ? piece.slice(2) : piece)

const wordOf = (token: NonNullable<RunData['samples']>['sentences'][number][number], i: number): MarkedWord => ({
  text: plain(token.piece),
  isApart: i > 0 && !isContinuing(token.piece),
  ...(token.original === undefined ? {} : { original: plain(token.original) }),
  isSuspected: token.isFlagged
})

const samplesOf = ({ name, samples }: RunData): ReadonlyArray<Block> => {
  if (samples === undefined || samples.sentences.length === 0) return []
  const { replaced, found, tokens, sentences } = samples
  return [
    subsection(name),
    { _tag: 'Marked', sentences: sentences.map((sentence) => sentence.map(wordOf)) },
    says(
      `Of ${counted(tokens, 'token')} ${counted(replaced, 'was', 'were')} replaced. Of as many, the most suspicious, ${counted(found, 'was', 'were')}: ` +
        `precision and recall ${percent(found / replaced, 0)}, where guessing gives ${percent(replaced / tokens, 0)}.`
    )
  ]
}

const samplesSection = (runs: ReadonlyArray<RunData>): ReadonlyArray<Block> => {
  const found = runs.flatMap(samplesOf)
  return found.length === 0
    ? []
    : [
        section('Sample sentences'),
        says(
          'Held-out sentences after the generator: a dashed line stands under what it has put in place of the small crossed-out piece behind; what the discriminator suspects, as many as were replaced, is marked by a box.'
        ),
        ...found
      ]
}

// ------------------------------------------------------------- how they were made

const computedOn = ({ record, report }: RunData): string => {
  const starts = record?.starts ?? report?.starts ?? []
  return starts.length === 0
    ? none
    : starts
        .map(
          (start, i, all) =>
            `${i === 0 ? '' : `from step ${start.step}: `}${[...whereFields(start), ...precisionFields(start, all)].join(', ')}`
        )
        .join('; ')
}

/** Fine-tunings did not always keep it. */
const startedFrom = (from: ReadonlyArray<string> | undefined): string =>
  from === undefined ? 'weights drawn anew' : from.length === 0 ? none : from.join(', ')

const facts = (run: RunData): ReadonlyArray<readonly [string, string]> => {
  const { report, record } = run
  const share = report?.compute?.generatorShare
  return [
    ['directory', run.directory],
    [
      'state',
      report === undefined ? `not finished: step ${whole(lastStep(run))}` : `finished at step ${whole(report.step)}`
    ],
    ['computed on', computedOn(run)],
    ['started from', startedFrom(record?.startedFrom)],
    ...(report?.lossScale === undefined ? [] : [['loss scale', showLossScale(report.lossScale, report.step)] as const]),
    ['time of training', duration(secondsOf(run))],
    ['operations, published', scientific(report?.compute?.published.run, 4)],
    ['operations, sparse', scientific(report?.compute?.sparse.run, 4)],
    ['operations, executed', scientific(report?.compute?.executed.run, 4)],
    ["the generator's share, published", percent(share?.published, 2)],
    ["the generator's share, sparse", percent(share?.sparse, 2)],
    ["the generator's share, executed", percent(share?.executed, 2)],
    ["weights' sha256", report?.weightsSha256 ?? none],
    ["optimizer's sha256", report?.optimizerSha256 ?? none],
    ['checkpoint', report?.checkpoint ?? none],
    ...(run.metrics.unreadable === 0
      ? []
      : [['lines of metrics.jsonl that are no record', whole(run.metrics.unreadable)] as const])
  ]
}

const madeSection = (runs: ReadonlyArray<RunData>): ReadonlyArray<Block> => [
  section('How they were made'),
  ...runs.flatMap((run): ReadonlyArray<Block> => [
    subsection(run.name),
    table({ caption: 'Machine, operations and hashes', columns: words('what', 'value'), rows: facts(run) }),
    ...(run.config === undefined
      ? []
      : [{ _tag: 'Listing', caption: 'The configuration', text: run.config.trimEnd(), isFolded: true } as const])
  ])
]

/** The same runs give the same document. */
export const runsReport = (runs: ReadonlyArray<RunData>): Document => {
  const columns = knownColumns()
  const byRun = new Map(runs.map((run) => [run, columnsFor(objectiveOf(run))]))
  const columnsOf: ColumnsOf = (run) => byRun.get(run) ?? columns
  const [training, heldOut] = [trainingFigures(columns, columnsOf, runs), heldOutFigures(columns, columnsOf, runs)]
  return {
    title: runs.length === 1 ? `Run ${runs[0].name}` : `${runs.length} runs`,
    blocks: [
      { _tag: 'Lead', text: runs.flatMap(sentenceOf) },
      section('What was learnt'),
      ...runs
        .map((run) => closingTable(columnsOf(run), run))
        .map((one) => (one.rows.length === 0 ? says(`${one.caption}: nothing has been evaluated yet.`) : table(one))),
      ...(heldOut.length === 0 ? [] : [section('Held-out text'), ...figures(heldOut)]),
      ...(training.length === 0 ? [] : [section('Training'), ...figures(training)]),
      ...samplesSection(runs),
      ...madeSection(runs)
    ]
  }
}
