/**
 * Whole steps of ELECTRA pre-training in TensorFlow.js on its WebAssembly backend, on one thread, with Adam.
 *
 * Written so that it is fast there: products of two matrices and their gradients by explicit transposes, since its wasm
 * product is fast only for matrices as they lie; gathers with a gradient of their own, since the one of `tf.gather` needs
 * a kernel that the backend lacks.
 */
import { createRequire } from 'node:module'
import { batchOf, initial, numbers, parametersOf } from './electra.mjs'
import { serve, versionOf } from './serve.mjs'

const require = createRequire(import.meta.url)

const training = (tf, size) => {
  const { batch, length, embedding, vocabulary, dropout: rate } = size
  const next = numbers(7)
  const p = Object.fromEntries(
    parametersOf(size).map((spec) => [spec.name, tf.variable(tf.tensor(initial(spec, next), spec.shape), true)])
  )
  const transpose = (x) => tf.transpose(x, [1, 0])
  const product = tf.customGrad((a, b, save) => {
    save([a, b])
    const gradFunc = (dy, [a, b]) => [tf.matMul(dy, transpose(b)), tf.matMul(transpose(a), dy)]
    return { value: tf.matMul(a, b), gradFunc }
  })
  const gather = tf.customGrad((x, at, save) => {
    save([at])
    const gradFunc = (dy, [at]) => [tf.scatterND(tf.expandDims(at, 1), dy, x.shape), tf.zerosLike(at)]
    return { value: tf.gather(x, at), gradFunc }
  })
  const dropout = (x) => (rate > 0 ? tf.dropout(x, rate) : x)
  const dense = (x, name) => tf.add(product(x, p[`${name}.weight`]), p[`${name}.bias`])
  const norm = (x, name) => {
    const centred = tf.sub(x, tf.mean(x, -1, true))
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-12))
    return tf.add(tf.mul(tf.mul(centred, inverse), p[`${name}.scale`]), p[`${name}.bias`])
  }
  const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))))

  const encoder = (prefix, { hidden, heads, layers }, ids) => {
    const words = tf.reshape(gather(p['embed.words'], ids), [batch, length, embedding])
    const places = tf.slice(p['embed.positions'], [0, 0], [length, embedding])
    const types = tf.slice(p['embed.types'], [0, 0], [1, embedding])
    let x = dropout(norm(tf.add(tf.add(words, places), types), 'embed.norm'))
    x = tf.reshape(x, [batch * length, embedding])
    if (embedding !== hidden) x = dense(x, `${prefix}.project`)
    const perHead = (t) => tf.transpose(tf.reshape(t, [batch, length, heads, hidden / heads]), [0, 2, 1, 3])
    for (let l = 0; l < layers; l++) {
      const layer = `${prefix}.${l}`
      const [query, key, value] = ['query', 'key', 'value'].map((name) => perHead(dense(x, `${layer}.${name}`)))
      const scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(hidden / heads))
      const mixed = tf.transpose(tf.matMul(dropout(tf.softmax(scores)), value), [0, 2, 1, 3])
      const attended = dense(tf.reshape(mixed, [batch * length, hidden]), `${layer}.output`)
      x = norm(tf.add(dropout(attended), x), `${layer}.norm1`)
      x = norm(tf.add(dropout(dense(gelu(dense(x, `${layer}.up`)), `${layer}.down`)), x), `${layer}.norm2`)
    }
    return x
  }

  const loss = ({ ids, masked, positions, originals }) => {
    const hidden = gather(
      encoder('generator', size.generator, tf.tensor1d(masked, 'int32')),
      tf.tensor1d(positions, 'int32')
    )
    const predicted = norm(gelu(dense(hidden, 'generator.prediction')), 'generator.predictionNorm')
    const logits = tf.add(product(predicted, transpose(p['embed.words'])), p['generator.pieceBias'])
    const picked = tf.sum(tf.mul(logits, tf.oneHot(tf.tensor1d(originals, 'int32'), vocabulary)), -1)
    const lost = tf.mean(tf.sub(tf.logSumExp(logits, -1), picked))
    const sampled = tf.tidy(() => tf.multinomial(logits, 1).dataSync())
    const corrupted = ids.slice()
    positions.forEach((position, slot) => (corrupted[position] = sampled[slot]))
    const labels = tf.tensor1d(Float32Array.from(ids, (id, i) => Number(id !== corrupted[i])))
    const y = encoder('body', size.body, tf.tensor1d(corrupted, 'int32'))
    const z = tf.reshape(dense(gelu(dense(y, 'body.head')), 'body.logit'), [batch * length])
    const entropy = tf.add(tf.sub(tf.relu(z), tf.mul(z, labels)), tf.log1p(tf.exp(tf.neg(tf.abs(z)))))
    return tf.add(lost, tf.mul(50, tf.mean(entropy)))
  }

  const batches = [1, 2, 3, 4].map((seed) => batchOf(size, seed))
  const optimizer = tf.train.adam(5e-4, 0.9, 0.999, 1e-6)
  let steps = 0
  /** One step; gives its loss. */
  return () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => loss(batches[steps++ % 4]), Object.values(p))
      const squares = Object.values(grads).map((grad) => tf.sum(tf.square(grad)).dataSync()[0])
      const scale = 1 / Math.max(1, Math.sqrt(squares.reduce((a, b) => a + b, 0)))
      for (const name of Object.keys(grads)) grads[name] = tf.mul(grads[name], scale)
      optimizer.applyGradients(grads)
      return value.dataSync()[0]
    })
}

await serve(async (size) => {
  const tf = require('@tensorflow/tfjs')
  require('@tensorflow/tfjs-backend-wasm')
  await tf.setBackend('wasm')
  const step = training(tf, size)
  let loss = NaN
  return {
    name: `@tensorflow/tfjs ${versionOf('@tensorflow/tfjs')}, ${tf.getBackend()}, Adam without decay`,
    run: () => {
      loss = step()
    },
    read: () => [loss],
    close: () => tf.disposeVariables()
  }
})
