/**
 * Which arrays pass between the programs of a step, once it is known that they agree on them.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { outputSpecs, type Spec } from '../../tensor/program/program.js'
import type { WorkerError } from '../error.js'
import { agree, rejected } from './agreement.js'
import type { Step } from './fold.js'

/** What `update` takes and gives beyond the gradients. */
export type StepSpecs = {
  readonly state: ReadonlyArray<Spec>
  readonly report: ReadonlyArray<Spec>
  readonly updateInputs: ReadonlyArray<Spec>
}

export const stepSpecs = ({ state, reads, gradients, shardGrad, update }: Step): E.Either<WorkerError, StepSpecs> => {
  const given = update.program.inputs
  const made = outputSpecs(update.program)
  const fixed = state + gradients + update.captured.length
  const passed = outputSpecs(shardGrad.program).slice(0, gradients)
  const stray = reads.find((i) => !(Number.isSafeInteger(i) && i >= 0 && i < state))
  if (stray !== undefined) return rejected('shardGrad', `a read of array ${stray} of the state`, `one of ${state}`)
  if (passed.length < gradients) return rejected('shardGrad', `${passed.length} outputs`, `at least ${gradients}`)
  if (given.length < fixed) return rejected('update', `${given.length} inputs`, `at least ${fixed}`)
  return pipe(
    agree('update', 'outputs of state', made.slice(0, state), given.slice(0, state)),
    E.chain(() => agree('update', 'inputs of gradients', given.slice(state, state + gradients), passed)),
    E.map(() => ({
      state: given.slice(0, state),
      report: made.slice(state),
      updateInputs: given.slice(state + gradients, given.length - update.captured.length)
    }))
  )
}
