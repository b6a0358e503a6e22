/**
 * The entry of a worker thread: a device, a runner on it, and the wire to the pool.
 */

import { expose } from 'comlink'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { deserialise, showProgramFormatError } from '../tensor/program/serialise.js'
import { acquire } from '../tensor/run/choose.js'
import type { WorkerError } from './error.js'
import { parentEndpoint } from './node.js'
import type { ThreadApi } from './protocol.js'
import { factsOf, runnerOf, type ProgramId, type Runner } from './runner.js'

const rejected =
  (id: ProgramId) =>
  (reason: string): WorkerError => ({
    _tag: 'ProgramRejected',
    program: String(id),
    found: reason,
    expected: 'the text of a program'
  })

const threadApi = (): ThreadApi => {
  let opened: Runner | undefined
  const runner = (): Runner => {
    if (opened === undefined) throw new Error('the thread was called before it was opened')
    return opened
  }
  return {
    open: (choice, memory) =>
      pipe(
        acquire(choice, memory),
        TE.map((device) => {
          opened = runnerOf(device)
          return factsOf(device)
        })
      )(),
    load: (id, text) =>
      pipe(
        TE.fromEither(deserialise(text)),
        TE.mapLeft((e) => rejected(id)(showProgramFormatError(e))),
        TE.chain((program) => TE.fromIOEither<WorkerError, void>(runner().load(id, program)))
      )(),
    run: (task) => runner().run(task)()
  }
}

expose(threadApi(), parentEndpoint())
