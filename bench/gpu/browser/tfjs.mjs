/**
 * TensorFlow.js on WebGPU, as it is fast there: products that turn their operands themselves, dense layers with the bias in the product's
 * kernel, its own cross entropy with its gradient, its own Adam.
 */

import * as tf from '@tensorflow/tfjs'
import '@tensorflow/tfjs-backend-webgpu'

/** Launches are submitted some at a time: what is left is, too, and all of it waited for. */
const finished = async () => {
  const backend = tf.backend()
  if (backend.commandEncoder !== null) {
    backend.endComputePassEncoder()
    backend.submitQueue()
  }
  await backend.device.queue.onSubmittedWorkDone()
}

const multiplying = (_, left, right) => {
  const [a, b] = [left, right].map(({ data, shape }) => tf.tensor(data, shape))
  const product = () => tf.matMul(a, b, left.isTransposed, right.isTransposed)
  return {
    run: async (times) => {
      for (let i = 0; i < times; i++) product().dispose()
      await finished()
    },
    read: async () => {
      const result = product()
      const values = await result.data()
      result.dispose()
      return values
    },
    release: () => tf.dispose([a, b])
  }
}

const lossOf = ({ size, normEps }, p) => {
  const { batch, length, vocabulary, hidden, heads, layers } = size
  const dense = (x, name) =>
    tf.fused.matMul({ a: x, b: p[`${name}.weight`], bias: p[`${name}.bias`], activation: 'linear' })
  const norm = (x, name) => {
    const centred = tf.sub(x, tf.mean(x, -1, true))
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), normEps))
    return tf.add(tf.mul(tf.mul(centred, inverse), p[`${name}.scale`]), p[`${name}.bias`])
  }
  const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))))
  const perHead = (x) => tf.transpose(tf.reshape(x, [batch, length, heads, hidden / heads]), [0, 2, 1, 3])
  return ({ ids, targets }) => {
    const words = tf.reshape(tf.gather(p.words, tf.tensor1d(ids, 'int32')), [batch, length, hidden])
    let x = tf.reshape(norm(tf.add(words, p.positions), 'norm'), [batch * length, hidden])
    for (let l = 0; l < layers; l++) {
      const layer = `layer${l}`
      const [query, key, value] = ['query', 'key', 'value'].map((name) => perHead(dense(x, `${layer}.${name}`)))
      const scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(hidden / heads))
      const mixed = tf.transpose(tf.matMul(tf.softmax(scores), value), [0, 2, 1, 3])
      x = norm(tf.add(dense(tf.reshape(mixed, [batch * length, hidden]), `${layer}.output`), x), `${layer}.norm1`)
      x = norm(tf.add(dense(gelu(dense(x, `${layer}.up`)), `${layer}.down`), x), `${layer}.norm2`)
    }
    const labels = tf.oneHot(tf.tensor1d(targets, 'int32'), vocabulary)
    return tf.losses.softmaxCrossEntropy(labels, dense(x, 'head'), undefined, 0, tf.Reduction.MEAN)
  }
}

const stepping = (training) => {
  const { parameters, batches, adam } = training
  const p = Object.fromEntries(
    parameters.map(({ name, shape, values }) => [name, tf.variable(tf.tensor(values, shape), true)])
  )
  const variables = Object.values(p)
  const loss = lossOf(training, p)
  const optimizer = tf.train.adam(adam.rate, adam.b1, adam.b2, adam.eps)
  let taken = 0
  const step = () =>
    tf.tidy(() => {
      const batch = batches[taken++ % batches.length]
      const { value, grads } = tf.variableGrads(() => loss(batch), variables)
      optimizer.applyGradients(grads)
      return value
    })
  return {
    take: async (steps) => {
      const losses = Array.from({ length: steps }, step)
      const values = await Promise.all(losses.map((value) => value.data()))
      await finished()
      tf.dispose(losses)
      return values.map(([value]) => value)
    },
    release: () => {
      optimizer.dispose()
      tf.dispose(variables)
    }
  }
}

export const open = async () => {
  if (!(await tf.setBackend('webgpu'))) throw new Error('its WebGPU backend does not start')
  const { vendor, architecture } = tf.backend().device.adapterInfo
  return {
    adapter: `${vendor} ${architecture}`.trim(),
    product: (...given) => Promise.resolve(multiplying(...given)),
    training: (given) => Promise.resolve(stepping(given))
  }
}
