/** The tables of an experiment: what arms come to, how they differ, and every run and trial that stands behind it. */

import type { ExperimentResults, RunFound, TrialsFound } from './results.js'
import { code, folded, list, numbers, says, section, table, words, type Block, type Table } from '../document.js'
import type { Columns } from '../columns.js'
import { digitsOf, labelOf } from '../columns.js'
import { duration, fixed, interval, none, plain, pValue, scientific, signed, spread, whole } from '../shown.js'
import { allComparisons, level, type Compared } from './comparisons.js'
import { allScores, majorityOf, metricOf, pointsOf, scoreDigits, tasksOf } from './scores.js'

const scoresTable = (results: ExperimentResults, task: string): Table => {
  const { trials } = results.declaration.tasks[task]
  const own = allScores(results).filter((scores) => scores.task === task)
  return {
    caption: `Scores on ${task}: ${metricOf(results, task)}; mean and standard deviation over seeds`,
    columns: [
      ...words('arm'),
      ...numbers('mean ± deviation', 'seeds', 'trials a seed', 'deviation of trials', 'failed', 'to come'),
      ...words('scores by seed')
    ],
    rows: [
      ...own.map((scores) => [
        scores.arm,
        spread(scores.mean, scores.deviation, scoreDigits),
        String(scores.bySeed.length),
        String(trials),
        fixed(scores.withinSeeds, scoreDigits),
        String(scores.failed),
        String(scores.pending),
        scores.bySeed.map(({ score }) => fixed(score, scoreDigits)).join(', ') || none
      ]),
      ['the most frequent label', fixed(majorityOf(results, task), scoreDigits), none, none, none, none, none, none]
    ]
  }
}

const verdicts: Readonly<Record<Compared['verdict'], string>> = {
  ahead: 'ahead',
  behind: 'behind',
  same: 'cannot be told apart',
  few: 'too few seeds to claim one',
  unknown: 'too few seeds'
}

const differencesTable = (results: ExperimentResults): Table => ({
  caption: 'Differences, paired by seed',
  columns: [
    ...words('task', 'arm', 'against'),
    ...numbers(
      'seeds',
      'difference',
      '95 %, bootstrap',
      'p, bootstrap',
      'corrected',
      "95 %, Student's",
      "p, Student's",
      'corrected',
      'p, sign flips',
      "Hedges's g"
    ),
    ...words('verdict')
  ],
  rows: allComparisons(results).map(({ task, arm, against, comparison, corrected, verdict }) => [
    task,
    arm,
    against,
    String(comparison.pairs),
    signed(comparison.difference, scoreDigits),
    // Of so few the bootstrap has hardly a resample with a deviation.
    ...(verdict === 'few'
      ? [none, none, none]
      : [interval(comparison.bootstrap, scoreDigits), pValue(comparison.bootstrap.p), pValue(corrected.bootstrap)]),
    interval(comparison.student, scoreDigits),
    pValue(comparison.student.p),
    pValue(corrected.student),
    pValue(comparison.signFlip.p),
    verdict === 'few' ? none : signed(comparison.effect, 2),
    verdicts[verdict]
  ])
})

export const scoresSection = (results: ExperimentResults): ReadonlyArray<Block> => {
  const { length } = allComparisons(results)
  return [
    section('Scores'),
    says(
      'Scores are points, as those of GLUE: 100 times the metric, so that accuracy and F1 are percent. Trials of fine-tuning are averaged within a seed of pre-training, so that a seed counts once; the deviation is that of seeds, with n − 1.'
    ),
    ...tasksOf(results).map((task) => table(scoresTable(results, task))),
    section('Differences'),
    ...(length === 0
      ? [says('There is nothing to compare: there is one arm.')]
      : [
          says(
            `A difference is claimed where both corrected p-values, the bootstrap's and Student's, are below ${level}: corrected by Holm over all ${length} comparisons of this report. ` +
              "The bootstrap is of differences in units of their standard error; where its least p, of n pairs 2 / nⁿ, would not do after correction, it is not shown and nothing is claimed. Sign flips of n pairs cannot give less than 2 / 2ⁿ. Intervals are of each comparison alone. Hedges's g is the mean difference in deviations of the differences, less its bias in small samples: of pairs, so that it is no effect size of two groups."
          ),
          table(differencesTable(results))
        ])
  ]
}

type Ended = Pick<RunFound | TrialsFound, 'id' | 'outcome'>

const stateOf = ({ outcome }: Ended): string =>
  outcome._tag === 'Done' ? 'done' : outcome._tag === 'Failed' ? `failed: ${outcome.reason}` : 'to come'

/** Evaluated at the end of some run, in the order in which they are met. */
const heldOutNames = (runs: ReadonlyArray<RunFound>): ReadonlyArray<string> => [
  ...new Set(runs.flatMap(({ report }) => Object.keys(report?.heldOut ?? {})))
]

const runsTable = (columns: Columns, { runs }: ExperimentResults): Table => {
  const names = heldOutNames(runs)
  return {
    caption: `All ${runs.length} pre-training runs`,
    columns: [
      ...words('run', 'arm'),
      ...numbers('seed', 'rate', 'steps', 'operations, published', 'sparse', 'executed', 'time'),
      ...numbers(...names.map((name) => `held out: ${labelOf(columns, name)}`)),
      ...words('state', "weights' sha256", 'checkpoint')
    ],
    rows: runs.map((run) => [
      run.id,
      run.isTuning ? `${run.arm} (tuning)` : run.arm,
      String(run.seed),
      plain(run.rate),
      whole(run.report?.step ?? run.curve.at(-1)?.step),
      ...(['published', 'sparse', 'executed'] as const).map((by) => scientific(run.report?.compute?.[by].run, 4)),
      duration(run.seconds),
      ...names.map((name) => fixed(run.report?.heldOut?.[name], digitsOf(columns, name))),
      stateOf(run),
      run.report?.weightsSha256 ?? none,
      run.report?.checkpoint ?? none
    ])
  }
}

const trialsTable = (results: ExperimentResults): Table => ({
  caption: `All ${results.trials.length} fine-tunings`,
  columns: [
    ...words('fine-tuning', 'task', 'arm', 'of the run'),
    ...numbers('seed', 'rate'),
    ...words('scores of its trials, points', 'state')
  ],
  rows: results.trials.map((trial) => [
    trial.id,
    trial.task,
    trial.isTuning ? `${trial.arm} (tuning)` : trial.arm,
    trial.from,
    String(trial.seed),
    plain(trial.rate),
    trial.outcome._tag === 'Done'
      ? trial.outcome.scores.map((score) => fixed(pointsOf(results, trial.task)(score), scoreDigits)).join(', ') || none
      : none,
    stateOf(trial)
  ])
})

const failures = ({ runs, trials }: ExperimentResults): ReadonlyArray<Block> =>
  list(
    [...runs, ...trials].flatMap(({ id, outcome }) =>
      outcome._tag === 'Failed' ? [[code(id), `: ${outcome.reason}`]] : []
    )
  )

export const runsSection = (columns: Columns, results: ExperimentResults): ReadonlyArray<Block> => {
  const failed = failures(results)
  return [
    section('Runs'),
    ...(failed.length === 0 ? [says('None failed.')] : [says('These failed, and are in no mean:'), ...failed]),
    folded(runsTable(columns, results)),
    folded(trialsTable(results))
  ]
}
