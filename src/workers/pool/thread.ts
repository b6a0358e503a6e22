/**
 * The entry of a worker thread: a device, a runner on it, and the wire to the pool.
 */

import { expose } from 'comlink'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { deserialise, showProgramFormatError } from '../../tensor/program/deserialise.js'
import { acquireSync } from '../../tensor/run/choose-sync.js'
import type { Compilation } from '../../tensor/run/wasm/compilation.js'
import { attachMemory, type Memory } from '../../tensor/run/memory/memory.js'
import type { WorkerError } from '../error.js'
import { workspaceMemory, type WorkspaceMemory } from './workspace.js'
import { parentEndpoint } from './node/parent.js'
import type { ThreadApi } from './protocol.js'
import { factsOf, runnerOf, type LoadedProgram, type ProgramId, type Runner } from './runner.js'

const rejected =
  (id: ProgramId) =>
  (reason: string): WorkerError => ({
    _tag: 'ProgramRejected',
    program: String(id),
    found: reason,
    expected: 'the text of a program'
  })

/** Whether the platform lets compiled code cross to other threads. Where it does not, each compiles for itself. */
const crosses = ({ module }: Compilation): boolean => {
  const { port1, port2 } = new MessageChannel()
  const posted = E.tryCatch(
    () => port1.postMessage(module),
    () => undefined
  )
  port1.close()
  port2.close()
  return E.isRight(posted)
}

type Opened = { readonly runner: Runner; readonly working: WorkspaceMemory; readonly memory: Memory }

const threadApi = (): ThreadApi => {
  let opened: Opened | undefined
  const here = (): Opened => {
    if (opened === undefined) throw new Error('the thread was called before it was opened')
    return opened
  }
  return {
    open: (choice, wasm, limit) => {
      const memory = attachMemory(wasm, limit)
      const working = workspaceMemory(memory)
      return pipe(
        acquireSync(choice, working.memory),
        TE.map((device) => {
          opened = { runner: runnerOf(device), working, memory }
          return factsOf(device)
        })
      )()
    },
    load: (id, text) =>
      pipe(
        TE.fromEither(deserialise(text)),
        TE.mapLeft((e) => rejected(id)(showProgramFormatError(e))),
        TE.chain((program) => TE.fromIOEither<WorkerError, LoadedProgram>(here().runner.load(id, program))),
        TE.map(({ workingBytes, compilation }) =>
          compilation !== undefined && crosses(compilation) ? { workingBytes, compilation } : { workingBytes }
        )
      )(),
    adopt: (id, program, compilation) =>
      pipe(
        TE.fromIOEither<WorkerError, LoadedProgram>(here().runner.load(id, program, compilation)),
        TE.map(() => undefined)
      )(),
    run: async (tasks, workspace, progress) => {
      const { runner, working, memory } = here()
      working.use(workspace)
      const words = memory.view('i32', progress, 2) as Int32Array
      const finished = (groups: number): void => {
        Atomics.store(words, 1, groups)
        Atomics.notify(words, 1)
      }
      for (let next = Atomics.load(words, 0); next < tasks.length; next++) {
        const ran = await runner.run(tasks[next], finished)()
        if (E.isLeft(ran)) {
          const missing = working.missing()
          return missing === undefined ? ran : E.right({ _tag: 'NeedsWorkspace', ...missing })
        }
        Atomics.store(words, 0, next + 1)
      }
      return E.right({ _tag: 'Done' })
    }
  }
}

expose(threadApi(), parentEndpoint())
