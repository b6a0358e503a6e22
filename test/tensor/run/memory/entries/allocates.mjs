// A thread that allocates blocks in a memory that others allocate in too, gives some back, and tells which it has.
import { parentPort, workerData } from 'node:worker_threads'

const { attachMemory } = await import(workerData.memory)

const memory = attachMemory(workerData.wasm)
const { id, rounds, threads } = workerData
const arrived = new Int32Array(workerData.arrived)

/** Waits until every thread has come here for the `n`-th time. */
const meet = (n) => {
  Atomics.add(arrived, 0, 1)
  Atomics.notify(arrived, 0)
  for (let now = Atomics.load(arrived, 0); now < n * threads; now = Atomics.load(arrived, 0))
    Atomics.wait(arrived, 0, now)
}

/** A block filled with this thread's number. */
const take = (bytes) => {
  const allocated = memory.allocate(bytes)
  if (allocated._tag === 'Left') throw new Error(JSON.stringify(allocated.left))
  const address = allocated.right
  const data = memory.view('bool', address, bytes)
  if (data.some((x) => x !== 0)) throw new Error('a block was not zero')
  data.fill(id)
  return { address, bytes }
}

const giveBack = ({ address, bytes }) => {
  if (memory.view('bool', address, bytes).some((x) => x !== id)) throw new Error('a block had another owner')
  memory.free(address, bytes)
}

// Up and down at the mark, where threads meet most.
meet(1)
for (let i = 0; i < 5 * rounds; i++)
  Array.from({ length: 8 }, () => take(64))
    .reverse()
    .forEach(giveBack)

// From a few bytes to a few pages, most of them kept.
meet(2)
const held = []
for (let i = 0; i < rounds; i++) {
  held.push(take(1 + ((i * 7919 + id * 104729) % 200_000)))
  if (i % 3 === 2) giveBack(held.splice((i * 31) % held.length, 1)[0])
}
parentPort.postMessage(held)
