/** How learning rates were chosen: what was tried, and what it came to. */

import type { Declaration } from '../../experiment/declaration.js'
import type { ExperimentResults, Tuned } from './results.js'
import { numbers, says, section, table, words, type Block, type Table } from '../document.js'
import { counted } from '../../counted.js'
import { fixed, none, plain } from '../shown.js'
import { pointsOf, scoreDigits } from './scores.js'

const nameOf = ({ who, task }: Tuned): string => (task === undefined ? who : `${who} on ${task}`)

const isAtEdge = ({ choice }: Tuned): boolean => {
  // Of two, either is at an edge.
  if (choice === undefined || choice.tried.length < 3) return false
  const rates = choice.tried.map(({ rate }) => rate)
  return choice.rate === Math.min(...rates) || choice.rate === Math.max(...rates)
}

/** Whose best rate was the lowest or highest tried. */
export const edges = ({ tuned }: ExperimentResults): ReadonlyArray<string> => tuned.filter(isAtEdge).map(nameOf)

const tuningTable = (results: ExperimentResults): Table => ({
  caption: 'Learning rates: what was tried, and what it was chosen by',
  columns: [
    ...words('of', 'trained on', 'tried (score: of pre-training deviations, of fine-tuning points)'),
    ...numbers('chosen'),
    ...words('remark')
  ],
  rows: results.tuned.map((one) => {
    const { who, task, choice } = one
    const show = (score: number): string =>
      task === undefined ? fixed(score) : fixed(pointsOf(results, task)(score), scoreDigits)
    const tried = choice?.tried ?? []
    return [
      who,
      task ?? 'pre-training',
      tried.length === 0
        ? none
        : tried.map(({ rate, score }) => `${plain(rate)} (${Number.isNaN(score) ? 'failed' : show(score)})`).join(', '),
      plain(choice?.rate),
      choice === undefined
        ? 'all that were tried failed'
        : tried.length === 0
          ? 'the only one declared'
          : isAtEdge(one)
            ? 'at the edge of what was tried'
            : ''
    ]
  })
})

const ofPretraining = ({ tuning: { rates, seed, tasks: by }, tasks }: Declaration): string =>
  rates.length === 1
    ? `All objectives were pre-trained at one rate, ${plain(rates[0])}, which was declared: none was chosen.`
    : `Every objective had the same rates of pre-training to choose from (${rates.map(plain).join(', ')}), by runs with seed ${seed}, which is none of those that are compared. ` +
      'A rate is scored by the best that fine-tuning makes of it: in deviations from the mean of all that were tried on a task, since tasks have units of their own, ' +
      (by === undefined || by.length === Object.keys(tasks).length
        ? 'on average over tasks.'
        : `on average over ${by.join(' and ')}, the tasks that were declared for it.`) +
      ' It is one seed that chooses, by the dev sets that scores are of.' +
      (rates.length === 2 ? ' Of two rates either is at an edge: others may be better.' : '')

const ofFineTuning = ({ tasks, tuning: { trials = 1 } }: Declaration): string => {
  const open = Object.entries(tasks).filter(([, { rates }]) => rates.length > 1)
  return open.length === 0
    ? 'Of fine-tuning each task has one rate, which was declared, for all that are compared.'
    : `Rates of fine-tuning were chosen for each objective on ${open.map(([name]) => name).join(', ')}, by ${counted(trials, 'trial')} each, so that what is compared may have been fine-tuned at different rates.`
}

export const tuningSection = (results: ExperimentResults): ReadonlyArray<Block> => [
  section('Tuning'),
  says(`${ofPretraining(results.declaration)} ${ofFineTuning(results.declaration)}`),
  ...(results.tuned.length === 0 ? [says('Nothing has been chosen yet.')] : [table(tuningTable(results))])
]
