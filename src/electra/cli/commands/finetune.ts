/** `pure-electra finetune`: a task learnt on an encoder, in one trial or several. */

import { join } from 'node:path'
import type { Command as Program } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { exists } from '../../store/files/files.js'
import type { RunError } from '../../training/run.js'
import { pretrainAdvice, sentence } from '../advice.js'
import type { Console } from '../console.js'
import { finish, type WithJson } from '../finish.js'
import { finetuneOptions, type FinetuneOptions } from '../finetuning/options.js'
import { given, type Given } from '../finetuning/preparation.js'
import { close } from '../finetuning/results.js'
import { finishedTrial, runTrial, trialOf, type TrialResult } from '../finetuning/trial.js'
import { exitCodes, failed, type Command, type ExitCode, type Failure } from '../outcome.js'
import { showRunError } from '../show-error.js'
import { interrupts, type Interrupts } from '../signals.js'

/** A trial that is finished already, or run now; `undefined` where it was interrupted. */
const trialResult = async (
  options: FinetuneOptions,
  known: Given,
  i: number,
  signals: Interrupts,
  console: Console
): Promise<E.Either<Failure | RunError, TrialResult | undefined>> => {
  const out = join(options.out, `trial-${i + 1}`)
  const trial = trialOf(options, known, i)
  const resume = options.resume && E.toUnion(await exists(join(out, 'checkpoints'))())
  const kept = resume ? await finishedTrial(out, trial, options)() : E.right(undefined)
  if (E.isLeft(kept) || kept.right !== undefined) return kept
  console.note(`trial ${i + 1} of ${options.trials}, seed ${trial.seed}`)
  return runTrial(options, known, trial, out, resume, signals, console)()
}

/** One trial after the other, then what they come to. */
const allTrials =
  (options: FinetuneOptions, signals: Interrupts, console: Console) =>
  (known: Given): TE.TaskEither<Failure | RunError, ExitCode> =>
  async () => {
    const results: Array<TrialResult> = []
    for (let i = 0; i < options.trials; i++) {
      const ran = await trialResult(options, known, i, signals, console)
      if (E.isLeft(ran)) return ran
      if (ran.right === undefined || (signals.isInterrupted() && i + 1 < options.trials)) {
        console.say(sentence(pretrainAdvice.goOn))
        return E.right(exitCodes.interrupted)
      }
      results.push(ran.right)
    }
    return close(options, known, results, console)()
  }

export const finetune = (options: FinetuneOptions, console: Console): Command => {
  const signals = interrupts(console)()
  const command = pipe(
    given(options, console),
    TE.chainW(allTrials(options, signals, console)),
    TE.mapLeft((e) => ('_tag' in e ? failed(showRunError(e)) : e))
  )
  return () => command().finally(signals.release)
}

export const declareFinetune = (root: Program): void => {
  finetuneOptions(
    root.command('finetune').description('learn a task on a pre-trained encoder, in one trial or several')
  ).action((options: FinetuneOptions & WithJson) => finish(options, (console) => finetune(options, console)))
}
