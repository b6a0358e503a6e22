/**
 * Who is ahead of whom, and how sure that is: every arm against the baseline, and against weights that were never trained, and what else
 * is declared, on every task, by pairs of the same seed.
 */

import type { Arm } from '../../experiment/arms.js'
import { isOfUntrained } from '../../experiment/plan.js'
import type { ExperimentResults } from './results.js'
import { holm } from '../../statistics/corrected.js'
import { compared, leastBootstrapP, type Comparison } from '../../statistics/paired.js'
import { scoresFor, tasksOf, untrainedArm } from './scores.js'

/** A difference is called one where the chance of calling any of all comparisons so by mistake is below this. */
export const level = 0.05

/**
 * `same` where they cannot be told apart, `few` where so few seeds have both that no difference could be claimed, however large,
 * `unknown` where fewer than two have.
 */
export type Verdict = 'ahead' | 'behind' | 'same' | 'few' | 'unknown'

/** With what an arm is compared. */
export type Kind = 'baseline' | 'contrast' | 'untrained'

type Pair = { readonly kind: Kind; readonly arm: string; readonly against: string; readonly task: string }

export type Compared = Pair & {
  readonly comparison: Comparison
  /** Comparisons of the report: of it, too. */
  readonly total: number
  /** p-values after Holm, over all of these. */
  readonly corrected: { readonly bootstrap: number; readonly student: number }
  readonly verdict: Verdict
}

/** The size of generator that the paper recommends. */
const quarter = 0.25

const quarterFirst = (arms: ReadonlyArray<Arm>): Arm | undefined =>
  arms.find(({ generatorSize }) => generatorSize === quarter) ?? arms.at(0)

/**
 * What an arm is compared with: the baseline of its size and budget. A baseline with generators of several sizes is itself compared
 * with the one of a quarter, or the first where there is none; another objective with the one of its own generator's size.
 */
export const baselineFor = ({ arms, declaration }: Pick<ExperimentResults, 'arms' | 'declaration'>, arm: Arm) => {
  const candidates = arms.filter(
    ({ objective, size, budget }) => objective === declaration.baseline && size === arm.size && budget === arm.budget
  )
  return (
    candidates.find(
      ({ generatorSize }) => arm.objective !== declaration.baseline && generatorSize === arm.generatorSize
    ) ?? quarterFirst(candidates)
  )
}

type OfArms = Omit<Pair, 'task'>

/** In the order of tasks and arms; first all with the baseline. A contrast of two that are compared so already is no other. */
const pairsOf = (results: ExperimentResults): ReadonlyArray<Pair> => {
  const { arms, declaration } = results
  const tasks = tasksOf(results)
  const withBaseline = arms.flatMap((arm): ReadonlyArray<OfArms> => {
    const baseline = baselineFor(results, arm)
    return baseline === undefined || baseline.id === arm.id
      ? []
      : [{ kind: 'baseline', arm: arm.id, against: baseline.id }]
  })
  const contrasts = (declaration.contrasts ?? []).flatMap(([arm, against]): ReadonlyArray<OfArms> => {
    const isThere = withBaseline.some((pair) => [arm, against].every((id) => id === pair.arm || id === pair.against))
    return isThere ? [] : [{ kind: 'contrast', arm, against }]
  })
  const withUntrained = declaration.untrained
    ? arms
        .filter((arm) => isOfUntrained(arms, arm))
        .map(({ id }): OfArms => ({ kind: 'untrained', arm: id, against: untrainedArm }))
    : []
  return [withBaseline, contrasts, withUntrained].flatMap((pairs) =>
    tasks.flatMap((task) => pairs.map((pair) => ({ ...pair, task })))
  )
}

const bySeeds = (results: ExperimentResults, { arm, against, task }: Pair): Comparison => {
  const [ours, theirs] = [arm, against].map((id) => scoresFor(results, id, task).bySeed)
  const both = ours.flatMap(({ seed, score }) => {
    const other = theirs.find((found) => found.seed === seed)
    return other === undefined ? [] : [[score, other.score] as const]
  })
  return compared(
    both.map(([a]) => a),
    both.map(([, b]) => b)
  )
}

/** Both corrected p-values have to say so. NaN says nothing. */
const verdictOf = (
  { pairs, difference }: Comparison,
  { bootstrap, student }: Compared['corrected'],
  total: number
): Verdict => {
  if (pairs < 2) return 'unknown'
  if (leastBootstrapP(pairs) * total >= level) return 'few'
  return bootstrap < level && student < level ? (difference > 0 ? 'ahead' : 'behind') : 'same'
}

export const allComparisons = (results: ExperimentResults): ReadonlyArray<Compared> => {
  const pairs = pairsOf(results)
  const found = pairs.map((pair) => bySeeds(results, pair))
  const bootstrap = holm(found.map((comparison) => comparison.bootstrap.p))
  const student = holm(found.map((comparison) => comparison.student.p))
  return pairs.map((pair, i) => {
    const corrected = { bootstrap: bootstrap[i], student: student[i] }
    return {
      ...{ ...pair, total: pairs.length, comparison: found[i], corrected },
      verdict: verdictOf(found[i], corrected, pairs.length)
    }
  })
}

/** A comparison, and what it says of replaced token detection, on whichever side that stands. */
export type FromItsSide = { readonly found: Compared; readonly verdict: Verdict }

const otherWay = { ahead: 'behind', behind: 'ahead', same: 'same', few: 'few', unknown: 'unknown' } as const

/** Comparisons of replaced token detection with the baseline, or of another with it where it is that itself. */
export const ofReplacedTokenDetection = (
  { arms, declaration }: ExperimentResults,
  comparisons: ReadonlyArray<Compared>
): ReadonlyArray<FromItsSide> => {
  const isIts = (id: string): boolean => {
    const arm = arms.find((known) => known.id === id)
    return arm !== undefined && declaration.objectives[arm.objective].objective === 'electra'
  }
  return comparisons.flatMap((found) => {
    if (found.kind !== 'baseline' || isIts(found.arm) === isIts(found.against)) return []
    return [{ found, verdict: isIts(found.arm) ? found.verdict : otherWay[found.verdict] }]
  })
}
