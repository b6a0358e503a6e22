/** A run's numbers as events: `train/loss`, `held-out/loss`, ..., each when it was measured. */

import type { ScalarEvent } from '../export/tensorboard.js'
import { secondsUntil, type Series } from './metrics.js'
import type { RunData } from './run-data.js'

const scalarsAt = (prefix: string, { columns }: Series, i: number): ScalarEvent['scalars'] =>
  [...columns].map(([name, values]) => [`${prefix}/${name}`, values[i]] as const)

/** In the order of the steps, an evaluation behind its step. Times are counted back from when the last number was written. */
export const eventsOf = (
  { metrics: { steps, heldOut } }: Pick<RunData, 'metrics'>,
  lastWrittenAt: number
): { readonly begunAt: number; readonly events: ReadonlyArray<ScalarEvent> } => {
  const until = secondsUntil(steps)
  const begunAt = lastWrittenAt - (until.at(-1) ?? 0)
  const timeAt = (step: number): number => {
    const place = steps.steps.findLastIndex((known) => known <= step)
    return begunAt + (place < 0 ? 0 : until[place])
  }
  const ofSteps = steps.steps.map((step, i) => ({
    step,
    wallTime: begunAt + until[i],
    scalars: scalarsAt('train', steps, i)
  }))
  const ofEvaluations = heldOut.steps.map((step, i) => ({
    step,
    wallTime: timeAt(step),
    scalars: scalarsAt('held-out', heldOut, i)
  }))
  return { begunAt, events: [...ofSteps, ...ofEvaluations].sort((a, b) => a.step - b.step) }
}
