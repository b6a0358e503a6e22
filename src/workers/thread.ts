/**
 * The entry of a worker thread: a device, a runner on it, and the wire to the pool.
 */

import { expose } from 'comlink'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { deserialise, showProgramFormatError } from '../tensor/program/serialise.js'
import { acquireSync } from '../tensor/run/choose-sync.js'
import { attachMemory } from '../tensor/run/memory.js'
import type { WorkerError } from './error.js'
import { lentMemory, type LentMemory } from './lent-memory.js'
import { parentEndpoint } from './node/parent.js'
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

type Opened = { readonly runner: Runner; readonly lent: LentMemory }

const threadApi = (): ThreadApi => {
  let opened: Opened | undefined
  const here = (): Opened => {
    if (opened === undefined) throw new Error('the thread was called before it was opened')
    return opened
  }
  return {
    open: (choice, wasm) => {
      const lent = lentMemory(attachMemory(wasm))
      return pipe(
        acquireSync(choice, lent.memory),
        TE.map((device) => {
          opened = { runner: runnerOf(device), lent }
          return factsOf(device)
        })
      )()
    },
    load: (id, text) =>
      pipe(
        TE.fromEither(deserialise(text)),
        TE.mapLeft((e) => rejected(id)(showProgramFormatError(e))),
        TE.chain((program) => TE.fromIOEither<WorkerError, void>(here().runner.load(id, program)))
      )(),
    run: async (task, room) => {
      const { runner, lent } = here()
      lent.lend(room)
      const ran = await runner.run(task)()
      if (E.isRight(ran)) return E.right({ _tag: 'Done' })
      const bytes = lent.missing()
      return bytes === 0 ? ran : E.right({ _tag: 'NeedsRoom', bytes })
    }
  }
}

expose(threadApi(), parentEndpoint())
