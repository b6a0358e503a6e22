/** `pure-electra finetune`: a task learnt on an encoder, in one trial or several, by one process or several ranks. */

import type { Command as Program } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { solo } from '../../../workers/index.js'
import { anyRank, together } from '../../../workers/ranks/ranks.js'
import type { RunError } from '../../training/run.js'
import { pretrainAdvice, sentence } from '../advice.js'
import { asRank } from '../as-rank.js'
import type { Console } from '../console.js'
import { finish, type WithJson } from '../finish.js'
import { finetuneOptions, type FinetuneOptions } from '../finetuning/options.js'
import { given, type Given } from '../finetuning/preparation.js'
import { close, sayStopped } from '../finetuning/results.js'
import { foundTrial, runTrial, trialOf, type Ended, type Hands, type Stopped } from '../finetuning/trial.js'
import { exitCodes, type Command, type ExitCode, type Failure } from '../outcome.js'
import { ending } from '../run-command.js'
import { interrupts } from '../signals.js'

type Trying<A> = TE.TaskEither<Failure | RunError, A>

/** A trial that is finished already, or is run now. */
const oneTrial = (options: FinetuneOptions, known: Given, i: number, hands: Hands): Trying<Ended | Stopped> => {
  const trial = trialOf(options, known, i)
  return pipe(
    foundTrial(options, trial, i, hands.ranks),
    TE.chainW((found) => {
      if (found.ended !== undefined) return TE.right(found.ended)
      hands.console.note(`trial ${i + 1} of ${options.trials}, seed ${trial.seed}`)
      return runTrial(options, known, trial, i, found, hands)
    })
  )
}

/** One trial after the other, then what they come to. */
const allTrials =
  (options: FinetuneOptions, hands: Omit<Hands, 'compute'>) =>
  (known: Given): Trying<ExitCode> =>
  async () => {
    const { ranks, signals, console } = hands
    const ended: Array<Ended> = []
    const stop = (...reports: ReadonlyArray<Stopped['report']>): E.Either<never, ExitCode> => {
      console.say(sentence(pretrainAdvice.goOn))
      sayStopped(options, known, ended, reports, console)
      return E.right(exitCodes.interrupted)
    }
    for (let i = 0; i < options.trials; i++) {
      const ran = await oneTrial(options, known, i, { ...hands, compute: ended.at(0)?.report.compute })()
      if (E.isLeft(ran)) return ran
      if (!('result' in ran.right)) return stop(ran.right.report)
      ended.push(ran.right)
      const interrupted = await anyRank(ranks)(signals.isInterrupted())()
      if (E.isLeft(interrupted)) return interrupted
      if (interrupted.right && i + 1 < options.trials) return stop()
    }
    return ranks.rank === 0 ? close(options, known, ended, console)() : E.right(exitCodes.done)
  }

export const finetune = (options: FinetuneOptions, console: Console, ranks = solo): Command => {
  // From the first moment on: whoever is told that it was interrupted is told that the state is saved.
  const signals = interrupts(console)()
  const command = pipe(
    given(options, console),
    together(ranks),
    TE.chainW(allTrials(options, { ranks, signals, console })),
    TE.orElse(ending(pretrainAdvice))
  )
  return () => command().finally(signals.release)
}

export const declareFinetune = (root: Program): void => {
  finetuneOptions(
    root.command('finetune').description('learn a task on a pre-trained encoder, in one trial or several')
  ).action((options: FinetuneOptions & WithJson) =>
    finish(options, (console) => asRank(console, (ranks, speaking) => finetune(options, speaking, ranks)))
  )
}
