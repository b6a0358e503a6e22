// A worker that opens and loads like any other, and whose thread ends in the middle of its first task.
import { parentPort } from 'node:worker_threads'
import { expose } from 'comlink'

const right = (value) => ({ _tag: 'Right', right: value })

expose(
  {
    open: () => right({ name: 'reference', multiplier: 'own', timing: 'sync', floats: 'float32' }),
    load: () => right({ workingBytes: 0 }),
    run: () => process.exit(7)
  },
  parentPort
)
