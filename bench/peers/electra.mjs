/**
 * ELECTRA's sizes as arrays, for the peers that train it: parameters by name, and batches of random tokens.
 */

/** Numbers in [0, 1), the same for the same seed. */
export const numbers = (seed) => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** `{ name, shape, kind }` of every parameter; dense weights are `[in, out]`. */
export const parametersOf = ({ vocabulary, embedding, positions, body, generator }) => {
  const dense = (name, inputs, outputs) => [
    { name: `${name}.weight`, shape: [inputs, outputs], kind: 'random' },
    { name: `${name}.bias`, shape: [outputs], kind: 'zeros' }
  ]
  const norm = (name, width) => [
    { name: `${name}.scale`, shape: [width], kind: 'ones' },
    { name: `${name}.bias`, shape: [width], kind: 'zeros' }
  ]
  const encoder = (prefix, { hidden, feedForward, layers }) => [
    ...(embedding === hidden ? [] : dense(`${prefix}.project`, embedding, hidden)),
    ...Array.from({ length: layers }, (_, l) => `${prefix}.${l}`).flatMap((layer) => [
      ...['query', 'key', 'value', 'output'].flatMap((name) => dense(`${layer}.${name}`, hidden, hidden)),
      ...norm(`${layer}.norm1`, hidden),
      ...dense(`${layer}.up`, hidden, feedForward),
      ...dense(`${layer}.down`, feedForward, hidden),
      ...norm(`${layer}.norm2`, hidden)
    ])
  ]
  return [
    { name: 'embed.words', shape: [vocabulary, embedding], kind: 'random' },
    { name: 'embed.positions', shape: [positions, embedding], kind: 'random' },
    { name: 'embed.types', shape: [2, embedding], kind: 'random' },
    ...norm('embed.norm', embedding),
    ...encoder('generator', generator),
    ...encoder('body', body),
    ...dense('generator.prediction', generator.hidden, embedding),
    ...norm('generator.predictionNorm', embedding),
    { name: 'generator.pieceBias', shape: [vocabulary], kind: 'zeros' },
    ...dense('body.head', body.hidden, body.hidden),
    ...dense('body.logit', body.hidden, 1)
  ]
}

/** About normal with standard deviation 0.02, where it is random. */
export const initial = ({ shape, kind }, next) => {
  const size = shape.reduce((a, b) => a * b, 1)
  const values = {
    zeros: () => 0,
    ones: () => 1,
    random: () => 0.02 * Math.sqrt(3) * (next() + next() + next() + next() - 2)
  }
  return Float32Array.from({ length: size }, values[kind])
}

/** Positions count over the whole batch; `slots` says which of them a token is, or -1. No token is padding. */
export const batchOf = ({ vocabulary, length, batch, slots: perExample }, seed) => {
  const next = numbers(seed)
  const ids = Int32Array.from({ length: batch * length }, () => 5 + Math.floor(next() * (vocabulary - 5)))
  const masked = ids.slice()
  const slots = new Int32Array(batch * length).fill(-1)
  const positions = new Int32Array(batch * perExample)
  for (let row = 0; row < batch; row++) {
    const chosen = new Set()
    while (chosen.size < perExample) chosen.add(row * length + 1 + Math.floor(next() * (length - 1)))
    ;[...chosen].forEach((position, i) => {
      const slot = row * perExample + i
      positions[slot] = position
      masked[position] = 4
      slots[position] = slot
    })
  }
  return { ids, masked, positions, slots, originals: positions.map((p) => ids[p]) }
}
