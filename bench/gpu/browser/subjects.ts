/** What is measured in the page: products, and the encoder that is trained. */

import type { Contraction } from '../../../src/tensor/program/kernel.js'
import { drawn, sizesOf } from '../operands.js'
import type { EncoderSize, Lies, Operand, Parameter, Product, Training } from './library.js'

const product = (m: number, n: number, k: number, left: Lies, right: Lies, batch = 1): Product => ({
  batch,
  m,
  n,
  k,
  left,
  right
})

const squares = (sizes: ReadonlyArray<number>): ReadonlyArray<Product> =>
  sizes.map((n) => product(n, n, n, 'plain', 'plain'))

/** Products of a step of ELECTRA-Small: a dense layer and its gradients, the feed-forward part, attention, some of the vocabulary. */
const ofSmall = (batch: number, length: number, pieces: number): ReadonlyArray<Product> => {
  const tokens = batch * length
  const heads = 4 * batch
  return [
    product(tokens, 256, 256, 'plain', 'transposed'),
    product(tokens, 256, 256, 'plain', 'plain'),
    product(256, 256, tokens, 'transposed', 'plain'),
    product(tokens, 1024, 256, 'plain', 'transposed'),
    product(length, length, 64, 'plain', 'transposed', heads),
    product(length, 64, length, 'plain', 'plain', heads),
    product(Math.ceil(0.15 * tokens), pieces, 128, 'plain', 'transposed')
  ]
}

export type Sizes = { readonly products: ReadonlyArray<Product>; readonly encoder: EncoderSize }

export const presets = {
  card: {
    products: [...squares([512, 1024, 2048, 4096]), ...ofSmall(128, 128, 30522)],
    encoder: { batch: 32, length: 128, vocabulary: 8192, hidden: 256, heads: 4, feedForward: 1024, layers: 2 }
  },
  small: {
    products: [...squares([128, 256, 512]), ...ofSmall(2, 64, 4096)],
    encoder: { batch: 4, length: 32, vocabulary: 1024, hidden: 128, heads: 2, feedForward: 512, layers: 2 }
  }
} as const satisfies Record<string, Sizes>

export type Preset = keyof typeof presets

export const showProduct = ({ batch, m, n, k, left, right }: Product): string => {
  const letters = `${left === 'plain' ? 'A' : 'Aᵀ'} ${right === 'plain' ? 'B' : 'Bᵀ'}`
  return `${batch === 1 ? '' : `${batch} of `}${m} x ${n} x ${k}, ${letters}`
}

export const flopOf = ({ batch, m, n, k }: Product): number => 2 * batch * m * n * k

export const contractionOf = ({ batch, m, n, k, left, right }: Product): Contraction => {
  const matrix = (rows: number, columns: number, lies: Lies): Contraction['left'] => ({
    offset: 0,
    batch: batch === 1 ? [] : [rows * columns],
    row: lies === 'plain' ? columns : 1,
    column: lies === 'plain' ? 1 : rows
  })
  return { batch: batch === 1 ? [] : [batch], m, n, k, left: matrix(m, k, left), right: matrix(k, n, right) }
}

export const operandsOf = (p: Product): readonly [left: Operand, right: Operand] => {
  const { batch, m, n, k, left, right } = p
  const sizes = sizesOf(contractionOf(p))
  const operand = (rows: number, columns: number, lies: Lies, elements: number, seed: number): Operand => ({
    data: drawn(elements, seed),
    shape: [...(batch === 1 ? [] : [batch]), ...(lies === 'plain' ? [rows, columns] : [columns, rows])],
    isTransposed: lies === 'transposed'
  })
  return [operand(m, k, left, sizes.left, 1), operand(k, n, right, sizes.right, 2)]
}

export const showEncoder = ({ batch, length, vocabulary, hidden, heads, feedForward, layers }: EncoderSize): string =>
  `${layers} layers of width ${hidden}, ${heads} heads, feed-forward ${feedForward}, ${vocabulary} pieces, ${batch} x ${length} tokens`

/** Numbers in [0, 1), the same for the same seed. */
const numbers = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

type Described = { readonly name: string; readonly shape: ReadonlyArray<number>; readonly kind: 'random' | 0 | 1 }

const parametersOf = ({ vocabulary, length, hidden, feedForward, layers }: EncoderSize): ReadonlyArray<Described> => {
  const dense = (name: string, inputs: number, outputs: number): ReadonlyArray<Described> => [
    { name: `${name}.weight`, shape: [inputs, outputs], kind: 'random' },
    { name: `${name}.bias`, shape: [outputs], kind: 0 }
  ]
  const norm = (name: string): ReadonlyArray<Described> => [
    { name: `${name}.scale`, shape: [hidden], kind: 1 },
    { name: `${name}.bias`, shape: [hidden], kind: 0 }
  ]
  return [
    { name: 'words', shape: [vocabulary, hidden], kind: 'random' },
    { name: 'positions', shape: [length, hidden], kind: 'random' },
    ...norm('norm'),
    ...Array.from({ length: layers }, (_, l) => `layer${l}`).flatMap((layer) => [
      ...['query', 'key', 'value', 'output'].flatMap((name) => dense(`${layer}.${name}`, hidden, hidden)),
      ...norm(`${layer}.norm1`),
      ...dense(`${layer}.up`, hidden, feedForward),
      ...dense(`${layer}.down`, feedForward, hidden),
      ...norm(`${layer}.norm2`)
    ]),
    ...dense('head', hidden, vocabulary)
  ]
}

/** About normal with standard deviation 0.02, where it is random. */
const valued = ({ name, shape, kind }: Described, next: () => number): Parameter => {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
  for (let i = 0; i < values.length; i++)
    values[i] = kind === 'random' ? 0.02 * Math.sqrt(3) * (next() + next() + next() + next() - 2) : kind
  return { name, shape, values }
}

/** How many batches there are: steps come back to the first. */
const batches = 4

export const trainingOf = (size: EncoderSize): Training => {
  const next = numbers(7)
  const tokens = (): Int32Array<ArrayBuffer> =>
    Int32Array.from({ length: size.batch * size.length }, () => Math.floor(next() * size.vocabulary))
  return {
    size,
    normEps: 1e-5,
    adam: { rate: 1e-3, b1: 0.9, b2: 0.999, eps: 1e-6 },
    parameters: parametersOf(size).map((described) => valued(described, next)),
    batches: Array.from({ length: batches }, () => ({ ids: tokens(), targets: tokens() }))
  }
}

/** Steps whose losses are compared before any is timed. */
export const comparedSteps = 6

/** How far each of those losses may be from the expected one, of which it is a part. */
export const lossTolerance = 1e-4

/** Steps after whose last the losses are awaited. */
export const stepsAwaited = 4
