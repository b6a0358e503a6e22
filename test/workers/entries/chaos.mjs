// A worker like any other, but for the runs of programs at which a plan says how its thread is lost. Before that it does half
// of the work, wrongly. The plan and the counts are those of `chaos.ts`, and outlive the thread.
import { openSync } from 'node:fs'
import { getEnvironmentData, parentPort } from 'node:worker_threads'

const { thread, plan, runs, deaths, fifo } = getEnvironmentData('chaos')

const ways = {
  exit: () => process.exit(3),
  throw: () => {
    throw new Error('the thread is broken')
  },
  // A method that is not there: the call is rejected, and the thread lives on.
  reject: (message) => {
    message.path = ['nowhere']
  },
  hang: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  // To be ended by whoever started it.
  terminate: () => {
    parentPort.postMessage('terminate')
    ways.hang()
  },
  // Until somebody writes into the pipe, and nothing else that the thread could be told reaches it in here.
  native: () => openSync(fifo),
  // As the process is asked to stop.
  interrupt: () => {
    process.kill(process.pid, 'SIGTERM')
    process.exit(3)
  }
}

let memory

const spoil = ({ dtype, offset, size }) => {
  memory.grow(0)
  const bytes = size * (dtype === 'bool' ? 1 : 4)
  new Uint8Array(memory.buffer, offset, Math.ceil(bytes / 2)).fill(255)
}

const misbehave = (message) => {
  const [method] = message.path
  const [first, second] = message.argumentList.map(({ value }) => value)
  if (method === 'open') memory = second
  if (method !== 'run') return
  const { program, outputs } = first
  const run = Atomics.add(runs, program, 1)
  const planned = plan.find((death) => death.program === program && death.run === run)
  if (planned === undefined) return
  Atomics.add(deaths, program, 1)
  outputs.forEach(spoil)
  ways[planned.way](message)
}

const on = parentPort.on.bind(parentPort)
parentPort.on = (event, listener) =>
  on(event, (message) => {
    misbehave(message)
    listener(message)
  })

await import(thread)
