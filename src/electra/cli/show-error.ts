/**
 * One clear text for each error of a run.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import { showTensorError } from '../../tensor/fault.js'
import { showWorkerError, type Where } from '../../workers/index.js'
import { showStoreError, type StoreError } from '../store/errors.js'
import type { RunError, StateUnread } from '../training/run.js'
import { counted } from '../counted.js'
import { pretrainAdvice, sentence, type Advice } from './advice.js'

const inMegabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6).toLocaleString('en')} MB`

const showArithmetic = ({ device, multiplier, relaxedSimd, precision }: Where): string =>
  `${multiplier} on ${device}${relaxedSimd ? ' with relaxed SIMD' : ''}${precision === 'mixed' ? ' in mixed precision' : ''}`

const showStored = (e: StoreError, advice: Advice): string => {
  if (e._tag === 'NotResumable') return `${showStoreError(e)}\n${sentence(advice.otherRun)}`
  return e._tag === 'Gone' && e.saved !== undefined ? `${showStoreError(e)}: ${advice.goOn}` : showStoreError(e)
}

const showLast = (last: string | undefined, advice: Advice): string =>
  last === undefined
    ? `There is no checkpoint before it: ${advice.startAnew}`
    : `The last checkpoint stands, ${last}: ${advice.goOn}`

/** Why a state was not saved, and what there is to go on from. */
const showUnsaved = (e: StoreError | StateUnread, last: string | undefined, advice: Advice): string => {
  if (e._tag === 'StateUnread')
    return `The state could not be read: ${showRunError(e.cause, advice)}. ${showLast(last, advice)}`
  return e._tag === 'Gone' && e.saved !== undefined
    ? showStored(e, advice)
    : `The state could not be saved: ${showStored(e, advice)}. ${showLast(last, advice)}`
}

const showSkipped = (steps: number): string =>
  `though the loss scale is 1, after ${counted(steps, 'step')} in a row that were skipped`

export const showRunError = (e: RunError, advice = pretrainAdvice): string => {
  switch (e._tag) {
    case 'NoExamples':
      return 'the corpus: found no example to train on, expected at least one sentence'
    case 'BatchesTooLarge':
      return (
        `${e.batches} batches of ${e.batchSize} examples of ${e.sequenceLength} tokens take ${inMegabytes(e.wanted)}, ` +
        `and ${inMegabytes(e.available)} of memory are free. Choose a smaller batchSize, sequenceLength or training.evaluationBatches`
      )
    case 'RunExists':
      return e.step === undefined
        ? `${e.out} already holds what another run has trained, and no checkpoint to continue it from. Choose another --out, or remove it`
        : `${e.out} already holds a run, at step ${e.step}: ${advice.goOn}, or choose another --out`
    case 'NothingToResume':
      return `${e.out}: found no checkpoint to resume from: ${advice.startAnew}`
    case 'OtherBits':
      return (
        `the run was computed by ${showArithmetic(e.before)} until here, and ${showArithmetic(e.now)} gives other bits. ` +
        'Leave out what asks for it, or allow it with --allow-other-bits'
      )
    case 'StateUnread':
      return `the state of step ${e.step} could not be read: ${showRunError(e.cause, advice)}. ${showLast(e.last, advice)}`
    case 'StepFailed':
      return `after step ${e.step}: ${showRunError(e.cause, advice)}. ${pipe(
        e.saved,
        O.match(
          () => showLast(e.last, advice),
          E.match(
            (why) => showUnsaved(why, e.last, advice),
            (path) => `The state is saved in ${path}: ${advice.goOn}`
          )
        )
      )}`
    case 'Diverged':
      return (
        `step ${e.step}: the ${e.what} is ${e.found}${e.skipped === undefined ? '' : `, ${showSkipped(e.skipped)}`}. ` +
        'Checkpoints from before it stand; try a smaller learning rate'
      )
    case 'ShapeMismatch':
    case 'AxisOutOfRange':
    case 'DTypeMismatch':
    case 'InvalidArgument':
      return showTensorError(e)
    case 'WorkerExited':
    case 'WorkerFailed':
    case 'WorkerOverdue':
    case 'TaskFailed':
    case 'WorkerStuck':
    case 'NoThreads':
    case 'WrongWorkerCount':
    case 'OutOfMemory':
    case 'ProgramRejected':
    case 'WrongInputs':
    case 'StateTorn':
    case 'PoolReleased':
    case 'WrongRankCount':
    case 'RanksDiffer':
    case 'MpiUnavailable':
    case 'MpiFailed':
    case 'FailedElsewhere':
    case 'DeviceUnavailable':
    case 'Unsupported':
    case 'WrongArrays':
    case 'DeviceFailed':
      return showWorkerError(e)
    case 'FileFailure':
    case 'AlreadyExists':
    case 'InUse':
    case 'Gone':
    case 'Corrupt':
    case 'UnsupportedVersion':
    case 'NewestUnusable':
    case 'NotResumable':
    case 'WrongHalf':
    case 'TensorsDiffer':
      return showStored(e, advice)
  }
}
