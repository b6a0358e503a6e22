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
  // The call is rejected, for a method that is not there or what is thrown in it, and the thread lives on.
  reject: (message) => {
    if (message === undefined) throw new Error('the call is broken')
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

const die = ({ program, way }, outputs, message) => {
  Atomics.add(deaths, program, 1)
  outputs.forEach(spoil)
  ways[way](message)
}

let job = { tasks: [], progress: 0 }

/** The death that is planned for the task at hand, once so many groups of its outputs are finished. */
let later

/** What is begun with a task: at the first of a job with the message that asks for it. */
const begin = ({ program, outputs, groups = [] }, message) => {
  const run = Atomics.add(runs, program, 1)
  const planned = plan.find((death) => death.program === program && death.run === run)
  later = undefined
  if (planned === undefined) return
  if (planned.groups === undefined) die(planned, outputs, message)
  else later = { planned, unfinished: groups.slice(planned.groups).flatMap((group) => group.map((i) => outputs[i])) }
}

const misbehave = (message) => {
  const [method] = message.path
  const [first, second, third] = message.argumentList.map(({ value }) => value)
  if (method === 'open') memory = second
  if (method !== 'run') return
  job = { tasks: first, progress: third }
  const next = Atomics.load(new Int32Array(memory.buffer, third, 1), 0)
  if (next < first.length) begin(first[next], message)
}

// A thread counts each task of a job before it begins the next, and the groups of outputs that it has finished.
const store = Atomics.store
Atomics.store = (array, index, value) => {
  const stored = store(array, index, value)
  if (array.byteOffset !== job.progress) return stored
  if (index === 0 && value < job.tasks.length) begin(job.tasks[value])
  if (index === 1 && value === later?.planned.groups) {
    Atomics.notify(array, 1)
    die(later.planned, later.unfinished)
  }
  return stored
}

const on = parentPort.on.bind(parentPort)
parentPort.on = (event, listener) =>
  on(event, (message) => {
    misbehave(message)
    listener(message)
  })

await import(thread)
