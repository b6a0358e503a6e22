// A worker that opens and loads like any other, and whose thread fills its heap in its first task.
import { parentPort } from 'node:worker_threads'
import { expose } from 'comlink'

const right = (value) => ({ _tag: 'Right', right: value })

const hold = []

expose(
  {
    open: () => right({ name: 'reference', multiplier: 'own', timing: 'sync', floats: 'float32' }),
    load: () => right(0),
    run: () => {
      for (;;) hold.push(new Array(1e5).fill(hold.length))
    }
  },
  parentPort
)
