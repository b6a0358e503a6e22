/**
 * What can go wrong with a compiled step and its states.
 */

import type { TensorError } from '../fault.js'
import type { DeviceError } from './device.js'
import { showEvaluationError } from './evaluate.js'

export type StepError =
  | TensorError
  | DeviceError
  /** The handle was already given to a step, or belongs to another compiled function. */
  | { readonly _tag: 'HandleConsumed' }
  /** The handle's state was released, or the whole compiled step. */
  | { readonly _tag: 'Released'; readonly what: 'state' | 'step' }
  /** An argument is not of the compiled shape and dtype. */
  | { readonly _tag: 'WrongArgument'; readonly path: string; readonly found: string; readonly expected: string }

export const showStepError = (e: StepError): string => {
  if (e._tag === 'HandleConsumed')
    return 'the state handle was already given to a step: use the one that the step returned'
  if (e._tag === 'Released')
    return e.what === 'state'
      ? 'the state was released: begin another, or release it when its last step is done'
      : 'the compiled step was released: compile it again, or release it when its last step is done'
  if (e._tag === 'WrongArgument')
    return `${e.path === '' ? 'the argument' : `argument ${e.path}`}: found ${e.found}, expected ${e.expected}`
  return showEvaluationError(e)
}
