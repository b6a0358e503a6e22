/**
 * Keyed random tensors: every draw is a pure function of its key.
 *
 * A key is two words, u32 `[2]`. A function that draws takes a key and uses it up: for a second draw `fold` or `split`
 * makes another. Words come from Threefry-2x32 at counters that say what they are for (`keys.ts`), so drawing from a
 * key, folding it and splitting it never meet. A key that changes from step to step is an input of the program, not a
 * constant in it. Nothing here is differentiable with respect to a key.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { dtypeMismatch, invalidArgument, shapeMismatch } from './fault.js'
import { domains, foldWord, hostKey } from './keys.js'
import { literal, type Literal } from './literal.js'
import { add, cast, clip, cos, log, log1p, lt, mul, neg, shr, sqrt, square, sub } from './ops/arithmetic.js'
import { full } from './ops/create.js'
import { concat, reshape, slice, squeeze } from './ops/movement.js'
import type { Shape } from './shape.js'
import { randomBitsNode, type Tensor } from './tensor.js'

/** u32, shape `[2]`. */
export type Key = Tensor

/** The key of a seed: a non-negative safe integer, as its low and its high word. */
export const key = (seed: number): Literal => literal([2], 'u32', hostKey(seed))

/**
 * Another key for each `data`: a step number, a shard, a layer. `fold(a)` and `fold(b)` of one key are unrelated.
 *
 * `data` is an integer in `[0, 2^32)`, or an i32 or u32 tensor of shape `[]` (an i32 counts by its bits).
 */
export const fold =
  (data: number | Tensor) =>
  (from: Key): Key =>
    randomBitsNode([2], from, concat(0)([counterWord(data), full([1], domains.fold, 'u32')]))

const counterWord = (data: number | Tensor): Tensor => {
  if (typeof data === 'number') return full([1], foldWord(data), 'u32')
  if (data.dtype !== 'i32' && data.dtype !== 'u32') throw dtypeMismatch('fold', [data.dtype], 'i32 or u32')
  if (data.shape.length !== 0) throw shapeMismatch('fold', data.shape, [])
  return pipe(data, cast('u32'), reshape([1]))
}

/** `n` keys, unrelated to each other and to what `fold` makes of the same key. */
export const split =
  (n: number) =>
  (from: Key): ReadonlyArray<Key> => {
    const keys = randomBitsNode([n, 2], from, counterOf(domains.split))
    return Array.from({ length: n }, (_, i) => pipe(keys, slice([[i, i + 1]]), squeeze(0)))
  }

const counterOf = (domain: number): Tensor => concat(0)([full([1], 0, 'u32'), full([1], domain, 'u32')])

/** Uniform random words, u32. */
export const bits =
  (shape: Shape) =>
  (from: Key): Tensor =>
    randomBitsNode(shape, from, counterOf(domains.bits))

/** Uniform on the multiples of 2^-24 in `[0, 1)`: the high 24 bits of a word, exact in float32. */
export const uniform =
  (shape: Shape) =>
  (from: Key): Tensor =>
    pipe(from, bits(shape), shr(8), cast('f32'), mul(2 ** -24))

/**
 * Standard normal, from two uniforms each: `sqrt(-2 ln(1 - u1)) cos(2 pi (u2 - 1/2))` (Box and Muller 1958).
 *
 * `1 - u1` is a multiple of 2^-24 in `(0, 1]`, so no value is beyond `sqrt(48 ln 2) = 5.77`, where the true tail has mass 8e-9.
 */
export const normal =
  (shape: Shape) =>
  (from: Key): Tensor => {
    const pairs = uniform([...shape, 2])(from)
    const column = (i: number): Tensor => pipe(pairs, slice([...shape.map(() => null), [i, i + 1]]), squeeze(-1))
    const radius = pipe(column(0), neg, add(1), log, mul(-2), sqrt)
    // Centred on 0, where every device's cosine is at its best.
    const angle = pipe(column(1), sub(0.5), mul(2 * Math.PI))
    return pipe(cos(angle), mul(radius))
  }

/**
 * Standard normal conditioned on `|z| <= 2`: standard deviation 0.8796.
 *
 * By inversion, `z = sqrt(2) erfinv(v)` with `v` uniform on the odd multiples of `2^-23` times `erf(sqrt 2)`. Multiply by
 * sigma for BERT's initialiser.
 */
export const truncatedNormal =
  (shape: Shape) =>
  (from: Key): Tensor =>
    pipe(
      from,
      bits(shape),
      shr(9),
      cast('f32'),
      // 2 k + 1 - 2^23 is odd and below 2^23 in size: exact in float32, symmetric about 0.
      mul(2),
      sub(2 ** 23 - 1),
      mul(erfOfSqrt2 * 2 ** -23),
      centralErfInv,
      mul(Math.SQRT2),
      clip(-2, 2)
    )

const erfOfSqrt2 = 0.9544997361036416

/**
 * Inverse error function for `|x| <= 0.9966`, relative error about 1e-7.
 *
 * The central branch of Giles's single-precision form ("Approximating the erfinv function", GPU Computing Gems 2, 2011):
 * `x p(w)` with `w = -ln(1 - x^2) - 2.5` and a polynomial of degree 8.
 */
const centralErfInv = (x: Tensor): Tensor => {
  const w = pipe(x, square, neg, log1p, neg, sub(2.5))
  const [leading, ...rest] = gilesCentral
  return mul(x)(rest.reduce<Tensor>((p, c) => pipe(p, mul(w), add(c)), full(x.shape, leading)))
}

const gilesCentral = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941
]

/**
 * Standard Gumbel noise as ELECTRA samples with it: `-ln(-ln(u + 1e-9) + 1e-9)`, `u` uniform in `[0, 1)`.
 *
 * The argmax of logits plus such noise is a sample of their softmax. Values lie in about [-3.03, 16.6].
 */
export const gumbel =
  (shape: Shape) =>
  (from: Key): Tensor =>
    pipe(from, uniform(shape), add(1e-9), log, neg, add(1e-9), log, neg)

/**
 * True with probability `p`, to within 2^-32: a random word is below `floor(p 2^32)`. bool.
 *
 * `p` is a number in `[0, 1]`; 0 is never true and 1 always.
 */
export const bernoulli =
  (p: number, shape: Shape) =>
  (from: Key): Tensor => {
    if (!(p >= 0 && p <= 1)) throw invalidArgument('bernoulli', String(p), 'a probability')
    // 2^32 is no u32: certainty needs no words.
    return p === 1 ? full(shape, 1, 'bool') : pipe(from, bits(shape), lt(Math.floor(p * 2 ** 32)))
  }
