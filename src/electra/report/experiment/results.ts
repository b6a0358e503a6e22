/**
 * What an experiment has found, as plain data: `results.json` of its directory, from which its reports are made and nothing else.
 */

import type { ClosingReport } from '../closing-report.js'
import type { Arm } from '../../experiment/arms.js'
import type { Declaration } from '../../experiment/declaration.js'
import type { Choice, FineTuning, Outcome, Pretraining } from '../../experiment/plan.js'

/** An evaluation on the way: its numbers by the names of their columns, such as `loss`. */
export type CurvePoint = {
  readonly step: number
  /** Of training until then, in this process and those before it. */
  readonly seconds: number
  readonly numbers: Readonly<Record<string, number>>
}

/** A pre-training run: what its `report.json` says, and its held-out numbers on the way. */
export type RunFound = Omit<Pretraining, '_tag' | 'arm'> & {
  /** The id of its arm. */
  readonly arm: string
  readonly outcome: Outcome | { readonly _tag: 'Pending' }
  readonly report?: ClosingReport
  readonly curve: ReadonlyArray<CurvePoint>
  readonly seconds: number
}

/** Trials of fine-tuning one model: `outcome.scores` are the metric of each, as the task's scorer gives it: a fraction, or percent of tags and spans. */
export type TrialsFound = Omit<FineTuning, '_tag'> & {
  /** The id of the arm of its model, or `untrained`. */
  readonly arm: string
  readonly outcome: Outcome | { readonly _tag: 'Pending' }
  /** What always guessing the most frequent label gives, by the same metric, where that is known. */
  readonly majority?: number
}

export type Tuned = {
  /** An objective, or `untrained`. */
  readonly who: string
  /** Of fine-tuning on this task; of pre-training where there is none. */
  readonly task?: string
  /** None where all that were tried failed. */
  readonly choice?: Choice
}

export type ExperimentResults = {
  readonly declaration: Declaration
  readonly arms: ReadonlyArray<Arm>
  readonly tuned: ReadonlyArray<Tuned>
  readonly runs: ReadonlyArray<RunFound>
  readonly trials: ReadonlyArray<TrialsFound>
  readonly isComplete: boolean
  /** The processor, how many of it, and the memory; Node.js and this package. */
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly bytes: number
    readonly node: string
    readonly version: string
  }
  /** The command that made it, and when: ISO 8601, in UTC. */
  readonly command: string
  readonly startedAt: string
  readonly updatedAt: string
}
