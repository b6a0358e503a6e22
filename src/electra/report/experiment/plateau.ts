/**
 * The plateau on which every run begins: a masked language model that knows nothing but how frequent pieces are. Who is still on it
 * has learnt nothing of language that a comparison could be about.
 */

import type { ExperimentResults, RunFound } from './results.js'
import { mean } from '../../statistics/moments.js'
import { folded, numbers, says, section, table, words, type Block, type Table } from '../document.js'
import { digitsOf, labelOf, type Columns } from '../columns.js'
import { fixed, none, scientific, whole } from '../shown.js'

const loss = 'maskedLmLoss'

export type Plateau = {
  readonly run: RunFound
  /** The loss of the best guess that reads no context; NaN of a run that does not say. */
  readonly noContext: number
  /** The first evaluation below it. */
  readonly leftAt?: { readonly step: number; readonly seconds: number; readonly loss: number }
  /** At the last evaluation. */
  readonly last: number
}

const noContextOf = (run: RunFound, others: ReadonlyArray<RunFound>): number =>
  // A run that failed left no report; those of its arm have the same configuration and corpus.
  [run, ...others.filter(({ arm }) => arm === run.arm)].flatMap(
    ({ report }) => report?.baselines[loss]?.noContext ?? []
  )[0] ?? NaN

const plateauOf =
  (all: ReadonlyArray<RunFound>) =>
  (run: RunFound): Plateau => {
    const noContext = noContextOf(run, all)
    const seen = run.curve.flatMap(({ step, seconds, numbers: found }) =>
      loss in found ? [{ step, seconds, loss: found[loss] }] : []
    )
    return {
      run,
      noContext,
      leftAt: seen.find((point) => point.loss < noContext),
      last: seen.at(-1)?.loss ?? NaN
    }
  }

/** Of the runs that are compared and have a masked-LM loss. */
export const plateaus = ({ runs }: ExperimentResults): ReadonlyArray<Plateau> =>
  runs
    .filter(({ isTuning, curve }) => !isTuning && curve.some(({ numbers: found }) => loss in found))
    .map(plateauOf(runs))

const flopsAt = ({ report }: RunFound, step: number | undefined): number =>
  step === undefined ? NaN : (report?.compute?.published.step ?? NaN) * step

const runTable = (found: ReadonlyArray<Plateau>): Table => ({
  caption: 'The plateau, run by run',
  columns: [
    ...words('run'),
    ...numbers('seed', 'no context, nats', 'first step below', 'operations until then', 'last held-out loss')
  ],
  rows: found.map(({ run, noContext, leftAt, last }) => [
    run.id,
    String(run.seed),
    fixed(noContext, 3),
    leftAt === undefined ? 'never' : whole(leftAt.step),
    scientific(flopsAt(run, leftAt?.step)),
    fixed(last, 3)
  ])
})

/** A number of the network that is fine-tuned, beside what it is for a guess that reads no context; means over the runs of an arm. */
export type MainNumber = { readonly name: string; readonly mean: number; readonly noContext: number }

/** Of runs of one arm, where there is a generator: whose the masked-LM loss is. */
export const mainNumbers = (runs: ReadonlyArray<RunFound>): ReadonlyArray<MainNumber> => {
  const reports = runs.flatMap(({ report }) => report ?? [])
  const names = Object.keys(reports[0]?.baselines ?? {}).filter((name) => name !== loss)
  return names.flatMap((name) => {
    const noContext = mean(reports.map(({ baselines }) => baselines[name]?.noContext ?? NaN))
    return Number.isNaN(noContext)
      ? []
      : [{ name, mean: mean(reports.map(({ heldOut }) => heldOut?.[name] ?? NaN)), noContext }]
  })
}

/** Of arms that have a generator: of the others the loss is that of the network that is fine-tuned. */
const mainTable = (columns: Columns, found: ReadonlyArray<Plateau>): Table => ({
  caption: 'What the network beside a generator has learnt, which is the one that is fine-tuned',
  columns: [...words('arm', 'number'), ...numbers('mean last held out', 'a guess without context')],
  rows: [...new Set(found.map(({ run }) => run.arm))].flatMap((arm) =>
    mainNumbers(found.flatMap(({ run }) => (run.arm === arm ? [run] : []))).map(({ name, mean: last, noContext }) => {
      const digits = digitsOf(columns, name)
      return [arm, labelOf(columns, name), fixed(last, digits), fixed(noContext, digits)]
    })
  )
})

const armTable = (found: ReadonlyArray<Plateau>): Table => ({
  caption: 'The plateau, arm by arm',
  columns: [
    ...words('arm'),
    ...numbers(
      'runs',
      'past it',
      'no context, nats',
      'mean first step below',
      'mean last held-out loss',
      'mean last AUC, fixed corruption'
    )
  ],
  rows: [...new Set(found.map(({ run }) => run.arm))].map((arm) => {
    const own = found.filter(({ run }) => run.arm === arm)
    const past = own.flatMap(({ leftAt }) => leftAt ?? [])
    return [
      arm,
      String(own.length),
      String(past.length),
      fixed(own[0].noContext, 3),
      past.length === 0 ? none : whole(mean(past.map(({ step }) => step))),
      fixed(mean(own.map(({ last }) => last)), 3),
      fixed(mean(own.map(({ run }) => run.curve.at(-1)?.numbers.fixedCorruptionAuc ?? NaN)), 3)
    ]
  })
})

export const plateauSection = (columns: Columns, results: ExperimentResults): ReadonlyArray<Block> => {
  const found = plateaus(results)
  return [
    section('The plateau'),
    ...(found.length === 0
      ? [says('No run has been evaluated yet by a masked-LM loss.')]
      : [
          says(
            "A masked language model first learns how frequent pieces are, and stays near that loss for a while. A run is past this plateau at the first evaluation whose held-out masked-LM loss is below the best guess without context: that reads nothing but whether a token was masked or left as it is, and copies it there. Where there is a generator the loss is the generator's, and says nothing of the network that is fine-tuned: the second table is of that. The AUC against a fixed corruption, where 0.5 is nothing, is over all tokens: of a discriminator that is trained at masked positions alone it says little."
          ),
          table(armTable(found)),
          ...[mainTable(columns, found)].filter(({ rows }) => rows.length > 0).map(table),
          folded(runTable(found))
        ])
  ]
}
