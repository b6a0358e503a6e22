/**
 * Has a thread be lost at the runs of programs that a plan names, having done half of the work, wrongly. Imported before
 * what makes it a worker like any other.
 */

import type { Slot } from '../../src/workers/pool/memory.js'
import type { ProgramTask } from '../../src/workers/pool/runner.js'

export type Way = 'close' | 'throw' | 'reject' | 'unhandled' | 'hang' | 'terminate'

/** How the thread is lost that runs program number `program` for the `run`-th time in all, counted from 0. */
export type Death = { readonly program: number; readonly run: number; readonly way: Way }

/** The first message to each thread. The counts are by program, shared by all threads, and outlive them. */
export type Chaos = { readonly plan: ReadonlyArray<Death>; readonly runs: Int32Array; readonly deaths: Int32Array }

/** What comlink sends. */
type Call = {
  path: ReadonlyArray<string>
  readonly argumentList: ReadonlyArray<{ readonly value: unknown }>
}

const hang = (): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/** In the middle of a job, where there is no message, what is thrown rejects the call. */
const ways: Readonly<Record<Way, (event: MessageEvent<Call> | undefined) => void>> = {
  close: (event) => {
    close()
    if (event === undefined) throw new Error('the thread is closed')
    event.stopImmediatePropagation()
  },
  throw: (event) => {
    event?.stopImmediatePropagation()
    throw new Error('the thread is broken')
  },
  // A method that is not there: the call is rejected, and the thread lives on.
  reject: (event) => {
    if (event === undefined) throw new Error('the call is broken')
    event.data.path = ['nowhere']
  },
  unhandled: (event) => {
    void Promise.reject(new Error('nobody handles this'))
    if (event === undefined) throw new Error('and the call is broken')
    event.stopImmediatePropagation()
  },
  hang,
  // To be ended by the page.
  terminate: () => {
    ;(globalThis as unknown as Worker).postMessage('terminate')
    hang()
  }
}

let chaos: Chaos | undefined
let memory: WebAssembly.Memory | undefined

const spoil = ({ dtype, offset, size }: Slot): void => {
  memory?.grow(0)
  const bytes = size * (dtype === 'bool' ? 1 : 4)
  new Uint8Array(memory?.buffer ?? new ArrayBuffer(), offset, Math.ceil(bytes / 2)).fill(255)
}

/** What is begun with a task: at the first of a job with the message that asks for it. */
const begin = ({ program, outputs }: ProgramTask, message?: MessageEvent<Call>): void => {
  if (chaos === undefined) return
  const run = Atomics.add(chaos.runs, program, 1)
  const planned = chaos.plan.find((death) => death.program === program && death.run === run)
  if (planned === undefined) return
  Atomics.add(chaos.deaths, program, 1)
  outputs.forEach(spoil)
  ways[planned.way](message)
}

let job: { readonly tasks: ReadonlyArray<ProgramTask>; readonly progress: number } = { tasks: [], progress: 0 }

addEventListener('message', (event: MessageEvent<Call | { readonly chaos: Chaos }>) => {
  const { data } = event
  if ('chaos' in data) {
    chaos = data.chaos
    return
  }
  const [method] = data.path
  const [first, second, third] = data.argumentList.map(({ value }) => value)
  if (method === 'open') memory = second as WebAssembly.Memory
  if (method !== 'run' || memory === undefined) return
  job = { tasks: first as ReadonlyArray<ProgramTask>, progress: third as number }
  const next = Atomics.load(new Int32Array(memory.buffer, job.progress, 1), 0)
  if (next < job.tasks.length) begin(job.tasks[next], event as MessageEvent<Call>)
})

// A thread counts each task of a job before it begins the next.
const store = Atomics.store.bind(Atomics) as (array: Int32Array, index: number, value: number) => number
Atomics.store = ((array: Int32Array, index: number, value: number): number => {
  const stored = store(array, index, value)
  if (array.byteOffset === job.progress && value < job.tasks.length) begin(job.tasks[value])
  return stored
}) as typeof Atomics.store
