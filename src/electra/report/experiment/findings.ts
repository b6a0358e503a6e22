/** What an experiment has found, in sentences that follow from its numbers. */

import { counted } from '../../counted.js'
import type { ExperimentResults, RunFound } from './results.js'
import { code, list, listed, listedTexts, says, strong, type Block, type Text } from '../document.js'
import { labelOf, type Columns } from '../columns.js'
import { fixed, interval, pValue } from '../shown.js'
import {
  allComparisons,
  baselineFor,
  ofReplacedTokenDetection,
  type Compared,
  type FromItsSide,
  type Verdict
} from './comparisons.js'
import { mainNumbers, plateaus, type MainNumber } from './plateau.js'
import { scoreDigits, untrainedArm } from './scores.js'
import { edges } from './tuning.js'

/** Comparisons are spoken of in as many sentences at most; the table has them all. */
const mostSpoken = 4

const nameOf = (arm: string): Text => (arm === untrainedArm ? ['weights never trained'] : [code(arm)])

/** How sure: `95 % interval of this alone +0.0110 to +0.0310, p 0.0031 corrected for 12 comparisons, 5 seeds`. */
const certainty = ({ comparison, corrected, total, verdict }: Compared): string =>
  [
    `95 % interval of this alone ${interval(verdict === 'few' ? comparison.student : comparison.bootstrap, scoreDigits)}`,
    ...(verdict === 'few'
      ? []
      : [
          `p ${pValue(Math.max(corrected.bootstrap, corrected.student))} corrected for ${counted(total, 'comparison')}`
        ]),
    counted(comparison.pairs, 'seed')
  ].join(', ')

/** A comparison in a sentence, without its full stop. */
export const sentenceOf = (found: Compared): Text => {
  const { arm, against, task, comparison, verdict } = found
  const by = `${fixed(Math.abs(comparison.difference), scoreDigits)} points`
  switch (verdict) {
    case 'ahead':
      return [
        ...nameOf(arm),
        ' is ahead of ',
        ...nameOf(against),
        ' on ',
        code(task),
        ` by ${by} (${certainty(found)})`
      ]
    case 'behind':
      return [...nameOf(arm), ' is behind ', ...nameOf(against), ' on ', code(task), ` by ${by} (${certainty(found)})`]
    case 'same':
      return [
        ...nameOf(arm),
        ' and ',
        ...nameOf(against),
        ' cannot be told apart on ',
        code(task),
        ` (difference ${comparison.difference < 0 ? '−' : '+'}${by}, ${certainty(found)})`
      ]
    case 'few':
      return [
        ...nameOf(arm),
        ' − ',
        ...nameOf(against),
        ' on ',
        code(task),
        `: ${comparison.difference < 0 ? '−' : '+'}${by} (${certainty(found)})`
      ]
    case 'unknown':
      return [
        ...nameOf(arm),
        ' and ',
        ...nameOf(against),
        ' cannot be compared on ',
        code(task),
        ': fewer than two seeds have both'
      ]
  }
}

const countOf = (found: ReadonlyArray<Pick<Compared, 'verdict'>>, verdict: Verdict): number =>
  found.filter((one) => one.verdict === verdict).length

/** What is said first of replaced token detection, from its side. */
const headline = (found: ReadonlyArray<FromItsSide>): string => {
  const [ahead, behind, same, few] = (['ahead', 'behind', 'same', 'few'] as const).map((verdict) =>
    countOf(found, verdict)
  )
  const known = ahead + behind + same + few
  const of = counted(known, 'comparison')
  if (known === 0)
    return 'Nothing can be said of replaced token detection: there are no two seeds that it can be compared by.'
  if (ahead === known)
    return known === 1 ? 'Replaced token detection wins.' : `Replaced token detection wins in all of ${of}.`
  if (same === known)
    return `Replaced token detection does not win at this scale: it cannot be told apart from its rival${known === 1 ? '' : ` in any of ${of}`}.`
  const rest = [
    ...(behind > 0 ? [`behind in ${behind}`] : []),
    ...(same > 0 ? [`not to be told apart from its rival in ${same}`] : []),
    ...(few > 0 ? [`of too few seeds to say in ${few}`] : [])
  ].join(' and ')
  return ahead === 0
    ? `Replaced token detection does not win at this scale: of ${of} it is ${rest}.`
    : `Replaced token detection wins in ${ahead} of ${of}; it is ${rest}.`
}

/** Where no number of seeds that is there would do. */
const headlineOfFew = (found: ReadonlyArray<Pick<Compared, 'comparison' | 'total'>>): string => {
  const most = Math.max(...found.map(({ comparison }) => comparison.pairs))
  return (
    `With ${counted(most, 'seed')} and ${counted(found[0].total, 'comparison')} no difference can be claimed, however large, by the rule of ` +
    'this report: what follows describes what was seen.'
  )
}

const headlineOfOthers = (found: ReadonlyArray<Compared>): string => {
  const known = found.filter(({ verdict }) => verdict !== 'unknown')
  const claims = known.filter(({ verdict }) => verdict === 'ahead' || verdict === 'behind')
  if (known.length === 0) return 'Nothing can be said: there are no two seeds that arms can be compared by.'
  return claims.length === 0
    ? `No arm can be told apart from the baseline in any of ${counted(known.length, 'comparison')}.`
    : `Of ${counted(known.length, 'comparison')} with the baseline ${claims.length} ${claims.length === 1 ? 'shows' : 'show'} a difference.`
}

/** What is claimed before what is not. */
const claimsFirst = (found: ReadonlyArray<Compared>): ReadonlyArray<Compared> =>
  (['ahead', 'behind', 'same', 'few', 'unknown'] as const).flatMap((verdict) =>
    found.filter((one) => one.verdict === verdict)
  )

const judgedOf = ({ runs }: ExperimentResults, arm: string): ReadonlyArray<RunFound> =>
  runs.filter((run) => !run.isTuning && run.arm === arm && run.report !== undefined)

/** Arms whose network is, by all of its numbers, no better than a guess: what was transferred is not what it was to learn. */
const ofGuesses = (columns: Columns, results: ExperimentResults): ReadonlyArray<Text> =>
  results.arms.flatMap(({ id }) => {
    const found = mainNumbers(judgedOf(results, id))
    const isGuess = ({ name, mean, noContext }: MainNumber): boolean =>
      columns.get(name)?.better === 'down' ? mean >= noContext : mean <= noContext
    if (found.length === 0 || !found.every(isGuess)) return []
    const said = found.map(
      ({ name, mean, noContext }) =>
        `${labelOf(columns, name)} ${fixed(mean, 3)}, without context ${fixed(noContext, 3)}`
    )
    return [
      [
        strong(`The network of ${id} is no better than a guess without context`),
        ` at the end, though its generator may be: ${said.join('; ')}.`
      ]
    ]
  })

/** From this part on another count of operations is worth a line. */
const notable = 0.05

/** What the same operations, by the count of the declaration, are as they are executed. */
const ofOperations = (results: ExperimentResults): ReadonlyArray<Text> => {
  const found = results.arms.flatMap((arm) => {
    const baseline = baselineFor(results, arm)
    if (baseline === undefined || baseline.id === arm.id) return []
    const [own, other] = [arm.id, baseline.id].map((id) => judgedOf(results, id)[0]?.report)
    const executed = (own?.compute?.executed.run ?? NaN) / (other?.compute?.executed.run ?? NaN)
    const steps = (own?.step ?? NaN) / (other?.step ?? NaN)
    return Math.abs(executed - 1) > notable ? [{ arm: arm.id, against: baseline.id, executed, steps }] : []
  })
  return found.length === 0
    ? []
    : [
        [
          strong('Budgets are equal as they are declared, and not as executed.'),
          ' ',
          ...listedTexts(
            found.map(({ arm, against, executed, steps }) => [
              code(arm),
              ` executed ${fixed(executed, 2)} times the operations of `,
              code(against),
              ` in ${fixed(steps, 2)} times the steps`
            ])
          ),
          '.'
        ]
      ]
}

/** What a reader has to know before believing any of it. */
const warnings = (columns: Columns, results: ExperimentResults): ReadonlyArray<Text> => {
  const { runs, trials, isComplete } = results
  const judged = runs.filter(({ isTuning }) => !isTuning)
  const failed = [...runs, ...trials].filter(({ outcome }) => outcome._tag === 'Failed')
  const done = judged.filter(({ outcome }) => outcome._tag === 'Done').length
  const known = plateaus(results).filter(({ noContext }) => !Number.isNaN(noContext))
  const stuck = known.filter(({ leftAt }) => leftAt === undefined)
  const atEdge = edges(results)
  return [
    ...(isComplete
      ? []
      : [
          [
            strong('This experiment is not finished:'),
            ` ${done} of ${judged.length} pre-training runs are done.`
          ] as Text
        ]),
    ...(failed.length === 0
      ? []
      : [[strong(`${counted(failed.length, 'job')} failed`), ', listed below with reasons.'] as Text]),
    ...(stuck.length === 0
      ? []
      : [
          [
            strong(`${stuck.length} of ${counted(known.length, 'run')} never left the plateau`),
            " of single words' frequencies, by the masked-LM loss, which is the generator's where there is one."
          ] as Text
        ]),
    ...ofGuesses(columns, results),
    ...ofOperations(results),
    ...(atEdge.length === 0
      ? []
      : [
          [
            strong('The best learning rate was the lowest or highest that was tried'),
            ' for ',
            ...listed(atEdge.map(code)),
            ': others may be better still.'
          ] as Text
        ])
  ]
}

/** Of an experiment with the baseline alone there is nothing to compare. */
const lead = (results: ExperimentResults, comparisons: ReadonlyArray<Compared>): Text => {
  const withBaseline = comparisons.filter(({ kind }) => kind === 'baseline')
  if (withBaseline.length === 0)
    return ['There is nothing to compare with the baseline: it is all that is pre-trained. ']
  const own = ofReplacedTokenDetection(results, comparisons)
  const few = withBaseline.filter(({ verdict }) => verdict === 'few')
  const first =
    few.length > 0 && withBaseline.every(({ verdict }) => ['few', 'unknown'].includes(verdict))
      ? headlineOfFew(few)
      : own.length === 0
        ? headlineOfOthers(withBaseline)
        : headline(own)
  const spoken = claimsFirst(own.length === 0 ? withBaseline : own.map(({ found }) => found))
    .filter(({ verdict }) => verdict !== 'unknown')
    .slice(0, mostSpoken)
  const rest = comparisons.length - spoken.length
  return [
    strong(first),
    ' ',
    ...spoken.flatMap((found) => [...sentenceOf(found), '. ']),
    ...(rest > 0 ? [`The table of differences has ${rest}${spoken.length === 0 ? '' : ' more'}.`] : [])
  ]
}

/** More are counted, and not listed. */
const mostListed = 8

/** What was to be known beside the comparisons with the baseline. */
const ofContrasts = (comparisons: ReadonlyArray<Compared>): ReadonlyArray<Block> => {
  const found = claimsFirst(comparisons.filter(({ kind }) => kind === 'contrast'))
  return found.length === 0
    ? []
    : [
        says('Planned contrasts, beside the comparisons with the baseline:'),
        ...list(found.slice(0, mostListed).map((one) => [...sentenceOf(one), '.'])),
        ...(found.length > mostListed
          ? [says(`The table of differences has ${found.length - mostListed} more of these.`)]
          : [])
      ]
}

/** Whether pre-training helps at all. */
const againstUntrained = (comparisons: ReadonlyArray<Compared>): ReadonlyArray<Block> => {
  const found = comparisons.filter(({ kind }) => kind === 'untrained')
  if (found.length === 0) return []
  const [ahead, behind, same, few, unknown] = (['ahead', 'behind', 'same', 'few', 'unknown'] as const).map((verdict) =>
    countOf(found, verdict)
  )
  const byTask = [...new Set(found.map(({ task }) => task))].map((task) => {
    const own = found.filter((one) => one.task === task)
    return { task, all: own.length, higher: own.filter(({ comparison }) => comparison.difference > 0).length }
  })
  const lower = byTask.filter(({ higher, all }) => higher === 0 && all > 1)
  const higherBy: Text = [
    'Its mean is higher ',
    ...listedTexts(byTask.map(({ task, higher, all }) => ['on ', code(task), ` in ${higher} of ${all}`])),
    '.',
    ...(lower.length === 0
      ? []
      : [
          ' Where no arm is higher than what was never trained (',
          ...listed(lower.map(({ task }) => code(task))),
          '), scores do not say which pre-training is better.'
        ])
  ]
  const sentences = list(found.length > mostListed ? [] : claimsFirst(found).map((one) => [...sentenceOf(one), '.']))
  if (few > 0 && few + unknown === found.length)
    return [
      says(
        'Against the same network with weights that were never trained, fine-tuned in the same way, nothing can be claimed of what was ' +
          'pre-trained either. ',
        ...higherBy
      ),
      ...sentences
    ]
  return [
    says(
      'Against the same network with weights that were never trained, fine-tuned in the same way, what was pre-trained is ' +
        `ahead in ${ahead} of ${counted(found.length, 'comparison')}, behind in ${behind}, not to be told apart in ${same}` +
        `${few === 0 ? '' : `, with too few seeds to say in ${few}`}` +
        `${unknown === 0 ? '' : `, and without a comparison in ${unknown}`}. `,
      ...higherBy
    ),
    ...sentences
  ]
}

export const findings = (columns: Columns, results: ExperimentResults): ReadonlyArray<Block> => {
  const comparisons = allComparisons(results)
  return [
    { _tag: 'Lead', text: lead(results, comparisons) },
    ...list(warnings(columns, results)),
    ...ofContrasts(comparisons),
    ...againstUntrained(comparisons)
  ]
}
