/**
 * Products in TensorFlow.js on its WebAssembly backend, on one thread: it offers no more in Node.
 *
 * Only products of two matrices as they lie are fast there: transposed ones fall into a plain loop, and are faster made by
 * `tf.transpose` first.
 */
import { createRequire } from 'node:module'
import { operandsOf, swapped } from './operands.mjs'
import { serve, versionOf } from './serve.mjs'

const require = createRequire(import.meta.url)

await serve(async (request) => {
  const tf = require('@tensorflow/tfjs')
  require('@tensorflow/tfjs-backend-wasm')
  await tf.setBackend('wasm')
  const { left, right } = operandsOf(request)
  const [a, b] = [left, right].map(({ data, shape }) => tf.tensor(data, shape))
  const upright = ({ isTransposed }, x) => (isTransposed ? tf.transpose(x, swapped(x.rank)) : x)
  const product = () => tf.tidy(() => tf.matMul(upright(left, a), upright(right, b)))
  return {
    name: `@tensorflow/tfjs ${versionOf('@tensorflow/tfjs')}, ${tf.getBackend()}`,
    run: () => product().dispose(),
    read: async () => {
      const result = product()
      const values = await result.data()
      result.dispose()
      return values
    },
    close: () => tf.dispose([a, b])
  }
})
