/**
 * Peers: other libraries, each in a process of its own that answers requests (`peers/serve.mjs` says which).
 *
 * A peer that is not installed, fails or falls silent answers with the reason, and weighs on nobody else.
 */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { z } from 'zod'
import { peerScript } from './places.js'
import type { Timed } from './race.js'

export type Peer = {
  readonly name: string
  /** Sets up what a request describes; gives what the peer is exactly. */
  readonly open: (what: unknown) => TaskEither<string, string>
  readonly run: Timed
  /** Elements of the last result. */
  readonly read: (elements: ReadonlyArray<number>) => TaskEither<string, ReadonlyArray<number>>
  /** The most memory that its process has had, in bytes. */
  readonly peakMemory: TaskEither<string, number>
  /** Lets go of what was set up; the process stays for what is set up next. */
  readonly close: Task<void>
  readonly stop: Task<void>
}

const answerSchema = z.object({
  failed: z.string().optional(),
  name: z.string().optional(),
  seconds: z.number().optional(),
  // JSON has no NaN.
  values: z.array(z.number().nullable()).optional(),
  bytes: z.number().optional()
})

type Answer = z.infer<typeof answerSchema>

/** Seconds after which a peer that has not answered is taken for dead. The slowest step known takes 97. */
const patience = 600

type Running = {
  readonly child: ChildProcessWithoutNullStreams
  /** Hears the next answer, or the reason why none comes. */
  listener: ((answer: E.Either<string, Answer>) => void) | undefined
  errors: string
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? ''

const readAnswer = (line: string): E.Either<string, Answer> =>
  pipe(
    E.tryCatch(
      () => answerSchema.parse(JSON.parse(line)),
      () => `it answered ${line.slice(0, 200)}`
    ),
    E.chain((answer) => (answer.failed === undefined ? E.right(answer) : E.left(answer.failed)))
  )

const start = (command: string, args: ReadonlyArray<string>): Running => {
  const child = spawn(command, args)
  const running: Running = { child, listener: undefined, errors: '' }
  const settle = (answer: E.Either<string, Answer>): void => {
    const { listener } = running
    running.listener = undefined
    listener?.(answer)
  }
  createInterface({ input: child.stdout }).on('line', (line) => settle(readAnswer(line)))
  child.stderr.on('data', (text: Buffer) => {
    running.errors = (running.errors + text.toString()).slice(-4000)
  })
  child.on('error', ({ message }) => settle(E.left(message)))
  child.on('close', (code, signal) =>
    settle(E.left(`its process ended (${signal ?? `code ${code}`}): ${lastLine(running.errors)}`))
  )
  // A process that has ended closes its input; the reason is in its end.
  child.stdin.on('error', () => undefined)
  return running
}

const hasEnded = ({ child }: Running): boolean =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined

/** A peer whose process is started when it is first needed, and again where it has ended. One request at a time. */
const peer = (name: string, command: string, args: ReadonlyArray<string>): Peer => {
  let running: Running | undefined
  const ask = (request: unknown): TaskEither<string, Answer> => {
    return () =>
      new Promise((resolve) => {
        if (running === undefined || hasEnded(running)) running = start(command, args)
        const asked = running
        const timer = setTimeout(() => {
          asked.child.kill('SIGKILL')
          asked.listener?.(E.left(`no answer in ${patience} s`))
        }, patience * 1000)
        asked.listener = (answer) => {
          clearTimeout(timer)
          resolve(answer)
        }
        asked.child.stdin.write(`${JSON.stringify(request)}\n`)
      })
  }
  const wanted =
    <A>(pick: (answer: Answer) => A | undefined) =>
    (request: unknown): TaskEither<string, A> =>
      pipe(
        ask(request),
        TE.chain((answer) => TE.fromNullable('it did not answer what was asked')(pick(answer)))
      )
  return {
    name,
    open: (what) => wanted((answer) => answer.name)({ open: what }),
    run: (repeats) => wanted((answer) => answer.seconds)({ run: repeats }),
    read: (elements) => wanted((answer) => answer.values?.map((x) => x ?? NaN))({ read: elements }),
    peakMemory: wanted((answer) => answer.bytes)({ memory: true }),
    close: async () => {
      if (running !== undefined && !hasEnded(running)) await ask({ close: true })()
    },
    stop: async () => {
      if (running === undefined || hasEnded(running)) return
      const { child } = running
      child.stdin.end()
      await new Promise((resolve) => child.once('close', resolve))
    }
  }
}

/** One of `bench/peers/`, in Node. */
export const nodePeer = (name: string, script: string): Peer => peer(name, process.execPath, [peerScript(script)])

/** One of `bench/peers/`, in the Python that `PURE_ELECTRA_PYTHON` names, else in `python3`. */
export const pythonPeer = (name: string, script: string): Peer => {
  const inPython = peer(name, process.env.PURE_ELECTRA_PYTHON ?? 'python3', [peerScript(script)])
  const hint = (reason: string): string => `${reason} (PURE_ELECTRA_PYTHON names a Python that has ${name})`
  return { ...inPython, open: (what) => pipe(inPython.open(what), TE.mapLeft(hint)) }
}
