// A worker whose methods throw, and whose thread fails of itself a little later.
import { parentPort } from 'node:worker_threads'
import { expose } from 'comlink'

const right = (value) => ({ _tag: 'Right', right: value })

expose(
  {
    open: () => right({ name: 'reference', multiplier: 'own', timing: 'sync', floats: 'float32' }),
    load: () => {
      throw new RangeError('no room for the program')
    },
    run: () => {
      setTimeout(() => {
        throw new Error('the thread is broken')
      })
      return new Promise(() => undefined)
    }
  },
  parentPort
)
