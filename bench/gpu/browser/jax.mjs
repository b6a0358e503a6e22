/**
 * jax-js on WebGPU, as it is fast there: a whole step, with the update, compiled by `jit`.
 *
 * Using an array consumes it: `ref` is another hold on it. Arrays are lazy: `gpuBufferSync` submits what makes one, and waits for nothing.
 */

import * as jax from '@jax-js/jax'

const { numpy: np, nn, tree } = jax

const finished = () => jax.getWebGPUDevice().queue.onSubmittedWorkDone()

const arrayOf = (data, shape, dtype) => np.array(data, { dtype }).reshape(shape)

const multiplying = (_, left, right) => {
  const [a, b] = [left, right].map(({ data, shape }) => arrayOf(data, shape, np.float32))
  const swapped = a.ndim === 2 ? [1, 0] : [0, 2, 1]
  const upright = ({ isTransposed }, x) => (isTransposed ? x.ref.transpose(swapped) : x.ref)
  const product = () => np.matmul(upright(left, a), upright(right, b))
  return {
    run: async (times) => {
      for (let i = 0; i < times; i++) product().gpuBufferSync()
      await finished()
    },
    read: () => product().data(),
    release: () => tree.dispose([a, b])
  }
}

/** Token by token, in two axes: the gradient of a lookup that is reshaped cannot be compiled. */
const lossOf = ({ size, normEps }) => {
  const { batch, length, vocabulary, hidden, heads, layers } = size
  return (p, ids, targets) => {
    const dense = (x, name) => np.matmul(x, p[`${name}.weight`].ref).add(p[`${name}.bias`].ref)
    const norm = (x, name) =>
      nn.standardize(x, -1, { epsilon: normEps }).mul(p[`${name}.scale`].ref).add(p[`${name}.bias`].ref)
    const perHead = (x) => x.reshape([batch, length, heads, hidden / heads]).transpose([0, 2, 1, 3])
    const places = np.broadcastTo(p.positions.ref, [batch, length, hidden]).reshape([batch * length, hidden])
    let x = norm(np.take(p.words.ref, ids, 0).add(places), 'norm')
    for (let l = 0; l < layers; l++) {
      const layer = `layer${l}`
      const [query, key, value] = ['query', 'key', 'value'].map((name) => perHead(dense(x.ref, `${layer}.${name}`)))
      const scores = np.matmul(query, key.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(hidden / heads))
      const mixed = np
        .matmul(nn.softmax(scores, -1), value)
        .transpose([0, 2, 1, 3])
        .reshape([batch * length, hidden])
      x = norm(dense(mixed, `${layer}.output`).add(x), `${layer}.norm1`)
      const inner = nn.gelu(dense(x.ref, `${layer}.up`), { approximate: false })
      x = norm(dense(inner, `${layer}.down`).add(x), `${layer}.norm2`)
    }
    const logits = dense(x, 'head')
    const isTarget = np
      .arange(0, vocabulary, 1, { dtype: np.int32 })
      .reshape([1, -1])
      .equal(targets.reshape([-1, 1]))
    const lost = nn.logsumexp(logits.ref, -1).sub(np.where(isTarget, logits, 0).sum(-1))
    tree.dispose(p)
    return lost.mean()
  }
}

const stepping = (training) => {
  const { parameters, batches, adam } = training
  const { rate, b1, b2, eps } = adam
  const gradient = jax.valueAndGrad(lossOf(training))
  const step = jax.jit(([p, mu, nu], ids, targets, correction1, correction2) => {
    const [loss, grads] = gradient(tree.ref(p), ids, targets)
    const next = [{}, {}, {}]
    for (const name in grads) {
      const grad = grads[name]
      next[1][name] = mu[name].mul(b1).add(grad.ref.mul(1 - b1))
      next[2][name] = nu[name].mul(b2).add(np.square(grad).mul(1 - b2))
      const root = np.sqrt(next[2][name].ref.div(correction2.ref)).add(eps)
      next[0][name] = p[name].sub(next[1][name].ref.div(correction1.ref).div(root).mul(rate))
    }
    tree.dispose([correction1, correction2])
    return [loss, next]
  })
  const named = (make) => Object.fromEntries(parameters.map((parameter) => [parameter.name, make(parameter)]))
  let state = [
    named(({ values, shape }) => arrayOf(values, shape, np.float32)),
    named(({ shape }) => np.zeros(shape)),
    named(({ shape }) => np.zeros(shape))
  ]
  let taken = 0
  const take = () => {
    const { ids, targets } = batches[taken++ % batches.length]
    const tokens = [ids, targets].map((list) => np.array(list, { dtype: np.int32 }))
    const corrections = [b1, b2].map((b) => np.array(new Float32Array([1 - b ** taken])).reshape([]))
    const [loss, next] = step(state, ...tokens, ...corrections)
    state = next
    // Submits the step, all of it.
    loss.ref.gpuBufferSync()
    return loss
  }
  return {
    take: async (steps) => {
      const losses = Array.from({ length: steps }, take)
      const values = await Promise.all(losses.map((loss) => loss.data()))
      await finished()
      return values.map(([value]) => value)
    },
    release: () => tree.dispose(state)
  }
}

export const open = async () => {
  if (!(await jax.init('webgpu')).includes('webgpu')) throw new Error('its WebGPU backend does not start')
  jax.defaultDevice('webgpu')
  const { vendor, architecture } = jax.getWebGPUDevice().adapterInfo
  return {
    adapter: `${vendor} ${architecture}`.trim(),
    product: (...given) => Promise.resolve(multiplying(...given)),
    training: (given) => Promise.resolve(stepping(given))
  }
}
