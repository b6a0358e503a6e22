/**
 * Has a thread be lost at the runs of programs that a plan names, having done half of the work, wrongly. Imported before
 * what makes it a worker like any other.
 */

import type { Slot } from '../../src/workers/memory.js'
import type { Task } from '../../src/workers/runner.js'

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

const ways: Readonly<Record<Way, (event: MessageEvent<Call>) => void>> = {
  close: (event) => {
    event.stopImmediatePropagation()
    close()
  },
  throw: (event) => {
    event.stopImmediatePropagation()
    throw new Error('the thread is broken')
  },
  // A method that is not there: the call is rejected, and the thread lives on.
  reject: ({ data }) => {
    data.path = ['nowhere']
  },
  unhandled: (event) => {
    event.stopImmediatePropagation()
    void Promise.reject(new Error('nobody handles this'))
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

addEventListener('message', (event: MessageEvent<Call | { readonly chaos: Chaos }>) => {
  const { data } = event
  if ('chaos' in data) {
    chaos = data.chaos
    return
  }
  const [method] = data.path
  const [first, second] = data.argumentList.map(({ value }) => value)
  if (method === 'open') memory = second as WebAssembly.Memory
  if (method !== 'run' || chaos === undefined) return
  const { program, outputs } = first as Task
  const run = Atomics.add(chaos.runs, program, 1)
  const planned = chaos.plan.find((death) => death.program === program && death.run === run)
  if (planned === undefined) return
  Atomics.add(chaos.deaths, program, 1)
  outputs.forEach(spoil)
  ways[planned.way](event as MessageEvent<Call>)
})
