/**
 * What a fold takes of its pool's memory, known before a step has run.
 */

export type MemoryPlan = {
  /** Bytes of the state, which exists once. */
  readonly state: number
  /** How many sets of gradients and metrics there are: shards that are computed at once, and sums that wait. */
  readonly sets: number
  /** Bytes of one of them. */
  readonly set: number
  /** Bytes of batches, of evaluations, and of what the parts of an update pass on. */
  readonly rest: number
  readonly workers: number
  /** Bytes that each of them works in. */
  readonly working: number
}

/** Bytes in all. Beside them are those of the process itself: its code, and the programs. */
export const plannedBytes = ({ state, sets, set, rest, workers, working }: MemoryPlan): number =>
  state + sets * set + rest + workers * working

const inMegabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)

/** `809 MB: state 170`, `gradients 2 x 57`, `workers 2 x 260`, `other arrays 4.1`: in all, and of what, in megabytes. */
export const memoryFields = (plan: MemoryPlan): ReadonlyArray<string> => [
  `${inMegabytes(plannedBytes(plan))} MB: state ${inMegabytes(plan.state)}`,
  `gradients ${plan.sets} x ${inMegabytes(plan.set)}`,
  `workers ${plan.workers} x ${inMegabytes(plan.working)}`,
  `other arrays ${inMegabytes(plan.rest)}`
]
