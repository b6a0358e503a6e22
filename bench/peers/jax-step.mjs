/**
 * Whole steps of ELECTRA pre-training in jax-js on its WebAssembly backend, on one thread, without dropout.
 *
 * The gradient of a gather cannot be compiled there, so the lookups of word embeddings stay outside the compiled losses,
 * and masked positions are picked by a product with their one-hot rows.
 */
import { batchOf, initial, numbers, parametersOf } from './electra.mjs'
import { serve, versionOf } from './serve.mjs'

const pick = (params, isWanted) =>
  Object.fromEntries(Object.entries(params).flatMap(([name, x]) => (isWanted(name) ? [[name, x.ref]] : [])))

const training = (jax, size) => {
  const { numpy: np, nn, lax, random, tree, jit, valueAndGrad } = jax
  const { batch, length, slots, embedding, vocabulary } = size
  const dense = (p, x, name) => np.matmul(x, p[`${name}.weight`].ref).add(p[`${name}.bias`].ref)
  const norm = (p, x, name) =>
    nn.standardize(x, -1, { epsilon: 1e-12 }).mul(p[`${name}.scale`].ref).add(p[`${name}.bias`].ref)
  const gelu = (x) => nn.gelu(x, { approximate: false })

  const encoder = (p, prefix, { hidden, heads, layers }, words) => {
    let x = words.reshape([batch, length, embedding])
    x = x.add(p['embed.positions'].ref.slice([0, length])).add(p['embed.types'].ref.slice(0))
    x = norm(p, x, 'embed.norm').reshape([batch * length, embedding])
    if (embedding !== hidden) x = dense(p, x, `${prefix}.project`)
    const perHead = (t) => t.reshape([batch, length, heads, hidden / heads]).transpose([0, 2, 1, 3])
    for (let l = 0; l < layers; l++) {
      const layer = `${prefix}.${l}`
      const [query, key, value] = ['query', 'key', 'value'].map((name) => perHead(dense(p, x.ref, `${layer}.${name}`)))
      const scores = np.matmul(query, key.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(hidden / heads))
      const mixed = np
        .matmul(nn.softmax(scores, -1), value)
        .transpose([0, 2, 1, 3])
        .reshape([batch * length, hidden])
      x = norm(p, dense(p, mixed, `${layer}.output`).add(x), `${layer}.norm1`)
      x = norm(p, dense(p, gelu(dense(p, x.ref, `${layer}.up`)), `${layer}.down`).add(x), `${layer}.norm2`)
    }
    return x
  }

  const generatorLoss = ([p, words], { ids, rows, originals, places, key }) => {
    const x = encoder(p, 'generator', size.generator, words)
    const hidden = np
      .matmul(rows, x.reshape([batch, length, size.generator.hidden]))
      .reshape([-1, size.generator.hidden])
    const predicted = norm(p, gelu(dense(p, hidden, 'generator.prediction')), 'generator.predictionNorm')
    const logits = np.matmul(predicted, p['embed.words'].ref.transpose()).add(p['generator.pieceBias'].ref)
    const isOriginal = np
      .arange(0, vocabulary, 1, { dtype: np.int32 })
      .reshape([1, -1])
      .equal(originals.reshape([-1, 1]))
    const lost = nn
      .logsumexp(logits.ref, -1)
      .sub(np.where(isOriginal, logits.ref, 0).sum(-1))
      .mean()
    const gumbel = random.gumbel(key, [batch * slots, vocabulary])
    const sampled = np.argmax(lax.stopGradient(logits).add(gumbel), -1).astype(np.int32)
    const drawn = np.take(sampled, np.maximum(places.ref, 0), 0)
    const corrupted = np.where(places.greaterEqual(0), drawn, ids)
    tree.dispose(p)
    return [lost, corrupted]
  }

  const discriminatorLoss = ([p, words], corrupted, ids) => {
    const labels = corrupted.notEqual(ids).astype(np.float32)
    const y = encoder(p, 'body', size.body, words)
    const z = dense(p, gelu(dense(p, y, 'body.head')), 'body.logit').reshape([-1])
    tree.dispose(p)
    return nn.softplus(z.ref).sub(z.mul(labels)).mean().mul(50)
  }

  const update = (p, mu, nu, grads) => {
    let squares = np.array(0)
    for (const name in grads) squares = squares.add(np.square(grads[name].ref).sum())
    const scale = np.reciprocal(np.maximum(np.sqrt(squares), 1))
    const next = [{}, {}, {}]
    for (const name in grads) {
      const grad = grads[name].mul(scale.ref)
      next[1][name] = mu[name].mul(0.9).add(grad.ref.mul(0.1))
      next[2][name] = nu[name].mul(0.999).add(np.square(grad).mul(0.001))
      const step = next[1][name].ref.div(np.sqrt(next[2][name].ref).add(1e-6))
      const decayed = isDecayed[name] ? step.add(p[name].ref.mul(0.01)) : step
      next[0][name] = p[name].sub(decayed.mul(5e-4))
    }
    scale.dispose()
    return next
  }

  const specs = parametersOf(size)
  const isDecayed = Object.fromEntries(specs.map(({ name, shape }) => [name, shape.length > 1]))
  const generatorGrad = jit((p, words, b) => valueAndGrad(generatorLoss, { hasAux: true })([p, words], b))
  const discriminatorGrad = jit((p, words, corrupted, ids) =>
    valueAndGrad(discriminatorLoss)([p, words], corrupted, ids)
  )
  const updated = jit(update)
  const sum = jit((a, b) => a.add(b))
  const lookup = (p, ids) => jax.vjp((table) => np.take(table, ids, 0), [p['embed.words'].ref])
  const isEmbedding = (name) => name.startsWith('embed.')
  const generatorParams = (p) => pick(p, (name) => isEmbedding(name) || name.startsWith('generator'))
  const discriminatorParams = (p) =>
    pick(p, (name) => name !== 'embed.words' && (isEmbedding(name) || name.startsWith('body')))

  const whole = ([p, mu, nu], { masked, ...b }) => {
    const ids = b.ids.ref
    const [words, back] = lookup(p, masked)
    const [[lost, corrupted], [grads, wordGrads]] = generatorGrad(generatorParams(p), words, b)
    const [words2, back2] = lookup(p, corrupted.ref)
    const [lost2, [grads2, wordGrads2]] = discriminatorGrad(discriminatorParams(p), words2, corrupted, ids)
    const [table, table2] = [back(wordGrads)[0], back2(wordGrads2)[0]]
    back.dispose()
    back2.dispose()
    const all = { ...grads, ...grads2 }
    for (const name in grads) if (name in grads2) all[name] = sum(grads[name], grads2[name])
    all['embed.words'] = sum(all['embed.words'], sum(table, table2))
    return [lost.add(lost2), updated(p, mu, nu, all)]
  }

  const random32 = numbers(7)
  let state = [
    (spec) => np.array(initial(spec, random32)).reshape(spec.shape),
    ({ shape }) => np.zeros(shape),
    ({ shape }) => np.zeros(shape)
  ].map((make) => Object.fromEntries(specs.map((spec) => [spec.name, make(spec)])))
  const batches = [1, 2, 3, 4].map((seed) => batchOf(size, seed))
  const integers = (xs) => np.array(xs, { dtype: np.int32 })
  const oneHot = (positions) => {
    const rows = new Float32Array(positions.length * length)
    positions.forEach((position, slot) => (rows[slot * length + (position % length)] = 1))
    return np.array(rows).reshape([batch, slots, length])
  }
  let steps = 0
  /** One step; gives its loss. */
  return async () => {
    const { ids, masked, positions, slots: places, originals } = batches[steps % 4]
    const [loss, next] = whole(state, {
      ids: integers(ids),
      masked: integers(masked),
      rows: oneHot(positions),
      originals: integers(originals),
      places: integers(places),
      key: random.key(steps++)
    })
    state = next
    await jax.blockUntilReady(state)
    return (await loss.data())[0]
  }
}

await serve(async (size) => {
  const jax = await import('@jax-js/jax')
  await jax.init('wasm')
  jax.defaultDevice('wasm')
  const step = training(jax, size)
  let loss = NaN
  return {
    name: `@jax-js/jax ${versionOf('@jax-js/jax')}, wasm, no dropout`,
    run: async () => {
      loss = await step()
    },
    read: () => [loss],
    // Arrays go with the process.
    close: () => undefined
  }
})
