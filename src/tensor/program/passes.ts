/**
 * Passes: how often the row of a fused loop is walked, and what each walk does.
 *
 * What depends on a fold is known only when the row has been walked to its end, and then takes another walk: a softmax
 * takes three. A walk that needs a value of an earlier one computes it again where that is cheap; else it was kept in
 * a row of scratch, unless the row was stored as it is and can be read back.
 */

import type { Costs } from './device-limits.js'
import { operandsOf, variesAlongRow, type FusedLoop, type FusedStep, type Store } from './fused.js'
import { binaries, unaries } from '../elementwise.js'

/** Where a walk gets the value of a step that an earlier one computed: what `store` wrote, or scratch. */
export type Recall = { readonly step: number; readonly store: number | undefined }

/** Numbers are those of the loop's steps and stores, in an order to carry them out in. Steps that no store needs are nowhere. */
export type Pass = {
  /** Steps that are the same along the row and known before this walk but not before the last one. Ended folds are not listed. */
  readonly still: ReadonlyArray<number>
  /** Stores of such values, once for the row. */
  readonly stillStores: ReadonlyArray<number>
  readonly recalls: ReadonlyArray<Recall>
  /** Steps computed for each element. */
  readonly steps: ReadonlyArray<number>
  /** Steps among them whose values go to scratch. */
  readonly keeps: ReadonlyArray<number>
  /** Folds that are known after this walk. */
  readonly folds: ReadonlyArray<number>
  /** Stores for each element. */
  readonly stores: ReadonlyArray<number>
}

/** Whether a pass walks the row at all; only the last may not. */
export const walks = ({ folds, stores }: Pass): boolean => folds.length + stores.length > 0

/** The steps that have a row of scratch, in the order of the rows. */
export const keptSteps = (passes: ReadonlyArray<Pass>): ReadonlyArray<number> => passes.flatMap(({ keeps }) => keeps)

const cheap = 1

/** What a step costs for each element, in the unit of `Costs`. */
export const costOf = (step: FusedStep, { extents, body }: FusedLoop, { gathered, dear }: Costs): number => {
  switch (step._tag) {
    case 'constant':
      return 0
    case 'index':
    case 'compare':
    case 'select':
    case 'cast':
    case 'fold':
      return cheap
    case 'load':
      return step.at.strides[extents.length - 1] > 1 ? gathered : cheap
    case 'lookup':
    case 'random':
      return dear
    case 'unary':
      return unaries[step.fn].isQuick ? cheap : dear
    case 'binary': {
      const shiftsByLanes = (step.fn === 'shl' || step.fn === 'shr') && body[step.y]._tag !== 'constant'
      return binaries[step.fn].isQuick && !shiftsByLanes ? cheap : dear
    }
  }
}

const resultsOf = ({ value, scatter }: Store): ReadonlyArray<number> =>
  scatter === undefined ? [value] : [value, scatter.index]

/** Those of `from` and what they are computed from, as far as `enter` lets the walk. */
const closure = (
  { body }: FusedLoop,
  from: Iterable<number>,
  enter: (step: number) => boolean
): ReadonlyArray<number> => {
  const found = new Set<number>()
  const stack = [...from]
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    if (found.has(step) || !enter(step)) continue
    found.add(step)
    stack.push(...operandsOf(body[step]))
  }
  return [...found].sort((a, b) => a - b)
}

export const passesOf = (loop: FusedLoop, costs: Costs): ReadonlyArray<Pass> => {
  const { body, extents, stores } = loop
  const row = extents.length - 1
  const varies = variesAlongRow(loop)
  const live = closure(loop, stores.flatMap(resultsOf), () => true)
  const isFolding = (step: FusedStep): step is FusedStep & { readonly _tag: 'fold' } =>
    step._tag === 'fold' && varies[step.x]

  /** The number of walks before a step is known. */
  const stages: Array<number> = []
  for (const step of body)
    stages.push(Math.max(0, ...operandsOf(step).map((x) => stages[x])) + (isFolding(step) ? 1 : 0))
  const storeStages = stores.map((store) => Math.max(...resultsOf(store).map((x) => stages[x])))
  const isStill = ({ at, value, scatter }: Store): boolean =>
    at.strides[row] === 0 && scatter === undefined && !varies[value]

  /** The store whose elements are the values of a step, side by side. */
  const storedBy = (step: number): number | undefined => {
    const found = stores.findIndex(
      ({ value, at, combine, scatter }) =>
        value === step && at.strides[row] === 1 && combine === undefined && scatter === undefined
    )
    return found < 0 ? undefined : found
  }

  const firstPass = new Map<number, number>()
  const recallable = new Map<number, Recall>()
  const keeps: ReadonlyArray<Array<number>> = Array.from(
    { length: 1 + Math.max(0, ...live.map((step) => stages[step])) },
    () => []
  )

  /** A step of an earlier pass, needed again: computed again, or remembered. */
  const remember = (step: number): void => {
    if (recallable.has(step)) return
    const again = closure(loop, [step], (x) => varies[x] && !recallable.has(x))
    const cost = again.reduce((sum, x) => sum + costOf(body[x], loop, costs), 0)
    const store = storedBy(step)
    if (cost <= (store === undefined ? costs.recomputed : cheap)) return
    recallable.set(step, { step, store })
    if (store === undefined) keeps[firstPass.get(step) ?? 0].push(step)
  }

  const passes = keeps.map((kept, pass): Pass => {
    const written = stores.flatMap((_, i) => (storeStages[i] === pass ? [i] : []))
    const moving = written.filter((i) => !isStill(stores[i]))
    const folded = live.flatMap((i) => {
      const step = body[i]
      return isFolding(step) && stages[i] === pass + 1 ? [{ fold: i, of: step.x }] : []
    })
    const results = [...folded.map(({ of }) => of), ...moving.flatMap((i) => resultsOf(stores[i]))]
    const isNew = (step: number): boolean => varies[step] && !firstPass.has(step)
    const fresh = closure(loop, results, isNew)
    const needed = [...results, ...fresh.flatMap((step) => operandsOf(body[step]))]
    ;[...new Set(needed)]
      .filter((step) => varies[step] && firstPass.has(step))
      .sort((a, b) => a - b)
      .forEach(remember)
    const recalled = new Set(needed.filter((step) => recallable.has(step)))
    const steps = closure(loop, results, (step) => {
      if (!varies[step]) return false
      if (recallable.has(step)) recalled.add(step)
      return !recallable.has(step)
    })
    steps.forEach((step) => firstPass.set(step, firstPass.get(step) ?? pass))
    return {
      still: live.filter((step) => stages[step] === pass && !varies[step] && !isFolding(body[step])),
      stillStores: written.filter((i) => isStill(stores[i])),
      recalls: [...recalled].sort((a, b) => a - b).flatMap((step) => recallable.get(step) ?? []),
      steps,
      keeps: kept,
      folds: folded.map(({ fold }) => fold),
      stores: moving
    }
  })
  return passes
}
