/**
 * A command as one of several ranks carries it out, where a launcher such as `mpirun` has started the process as one.
 *
 * The first rank speaks for all; the others say only what ended them. A rank that cannot go on says why, and ends the job.
 */

import { fstatSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { acquireRanks, launchOf, showWorkerError, solo, type Ranks } from '../../workers/index.js'
import type { Console } from './console.js'
import { failed, failedWith, type Command, type Failure } from './outcome.js'

/** Beside a console that speaks for all. */
const silent = (console: Console): Console => ({
  ...console,
  say: () => undefined,
  json: () => undefined,
  note: () => undefined,
  isInteractive: false
})

const ofRank = (rank: number, { exit, message }: Failure): Failure => ({ exit, message: `rank ${rank}: ${message}` })

/** Leaves the job in order where the command has come to its end, and ends it for all where it has failed. */
const inJob =
  (ranks: Ranks, console: Console, command: Command): Command =>
  async () => {
    const ended = await command()
    if (E.isRight(ended)) {
      await ranks.release()
      return ended
    }
    const failure = ofRank(ranks.rank, ended.left)
    // Said before the job ends: nothing is said after it.
    console.note(`pure-electra: ${failure.message}`)
    ranks.abort(failure.exit)()
    return E.left(failure)
  }

/**
 * The launchers of MPICH and its kin speak with a process through a socket that it inherits. What starts it in between, such as npx,
 * may not hand that on; MPICH would end the process then, in words that help nobody.
 */
const checkConnection = ({ PMI_FD }: NodeJS.ProcessEnv): E.Either<Failure, void> => {
  if (PMI_FD === undefined) return E.right(undefined)
  const isThere = E.tryCatch(() => fstatSync(Number(PMI_FD)).isSocket(), E.toError)
  return E.isRight(isThere) && isThere.right
    ? E.right(undefined)
    : E.left(
        failed(
          `the launcher's connection (descriptor ${PMI_FD}, of PMI_FD) has not reached this process: npx and npm's scripts hand none ` +
            'on. Let the launcher start node, or the installed pure-electra'
        )
      )
}

export const asRank = (console: Console, command: (ranks: Ranks, console: Console) => Command): Command =>
  pipe(
    launchOf(process.env),
    O.match(
      () => command(solo, console),
      (launch) =>
        pipe(
          TE.fromEither(checkConnection(process.env)),
          TE.chain(() => TE.mapLeft(failedWith(showWorkerError))(acquireRanks(launch))),
          TE.mapLeft((failure) => ofRank(launch.rank, failure)),
          TE.chain((ranks) => inJob(ranks, console, command(ranks, ranks.rank === 0 ? console : silent(console))))
        )
    )
  )
