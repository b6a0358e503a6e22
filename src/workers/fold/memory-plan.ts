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

/** `809 MB: state 170, 2 sets of gradients of 57, 2 workers with 260 each, other arrays 4.1` */
export const showMemoryPlan = (plan: MemoryPlan): string =>
  `${inMegabytes(plannedBytes(plan))} MB: state ${inMegabytes(plan.state)}, ` +
  `${plan.sets} ${plan.sets === 1 ? 'set' : 'sets'} of gradients of ${inMegabytes(plan.set)}, ` +
  `${plan.workers} ${plan.workers === 1 ? 'worker' : 'workers'} with ${inMegabytes(plan.working)} each, ` +
  `other arrays ${inMegabytes(plan.rest)}`
