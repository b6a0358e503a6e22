/**
 * Products in jax-js on its WebAssembly backend, on one thread: more need a browser's workers.
 */
import { operandsOf, swapped } from './operands.mjs'
import { serve, versionOf } from './serve.mjs'

await serve(async (request) => {
  const jax = await import('@jax-js/jax')
  const { numpy: np } = jax
  await jax.init('wasm')
  jax.defaultDevice('wasm')
  const { left, right } = operandsOf(request)
  const [a, b] = [left, right].map(({ data, shape }) => np.array(data).reshape(shape))
  // Using an array consumes it: `ref` is another hold on it.
  const upright = ({ isTransposed, shape }, x) => (isTransposed ? x.ref.transpose(swapped(shape.length)) : x.ref)
  const product = () => np.matmul(upright(left, a), upright(right, b))
  return {
    name: `@jax-js/jax ${versionOf('@jax-js/jax')}, wasm`,
    run: async () => {
      const result = product()
      await result.blockUntilReady()
      result.dispose()
    },
    read: () => product().data(),
    close: () => {
      a.dispose()
      b.dispose()
    }
  }
})
