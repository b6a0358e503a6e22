/**
 * What the tests of models and objectives share: small configurations, parameters far from their initial values, masked
 * batches, and numbers out of expressions.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { showConfigError, type ElectraConfig } from '../../../src/electra/config/config.js'
import { resolveConfig } from '../../../src/electra/config/resolve.js'
import { maskBatch } from '../../../src/electra/data/examples/masking.js'
import type { Denominators, ShardBatch } from '../../../src/electra/objective/batch.js'
import { trainedSpecial } from '../../../src/electra/data/vocabulary/vocabulary.js'
import { foldName, isParameterSpec } from '../../../src/nn/index.js'
import { add, mul, random, tensor, toTypedArray, type Literal, type Tensor } from '../../../src/tensor/index.js'
import { hostBits, hostFold, hostKey } from '../../../src/tensor/keys.js'
import { evaluateAll } from '../../../src/tensor/run/evaluate.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { mapTree, tensorEntries } from '../../../src/tensor/tree.js'

export const vocabSize = 37

export const special = trainedSpecial

/** `nano` with these changes. */
export const configOf = (change: Readonly<Record<string, unknown>> = {}): ElectraConfig => {
  const resolved = resolveConfig({ extends: 'nano', ...change })
  if (E.isLeft(resolved)) throw new Error(showConfigError(resolved.left))
  return resolved.right
}

const evaluated = evaluateAll(reference({ floats: 'float64' }))

/** The tree with its tensors computed in float64. */
export const computed = <T>(tree: T): T => {
  const result = evaluated(tree)
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  const literals: unknown = result.right
  return literals as T
}

export const numbersOf = (x: Tensor): ReadonlyArray<number> => Array.from(toTypedArray(computed(x) as Literal))

export const numberOf = (x: Tensor): number => numbersOf(x)[0]

/** The numbers of every tensor of a tree by its path. */
export const numbersByPath = (tree: unknown): ReadonlyMap<string, ReadonlyArray<number>> =>
  new Map(tensorEntries(computed(tree)).map(([path, x]) => [path, numbersOf(x)]))

/** Parameters with which nothing is nearly zero or nearly symmetric: standard normal times 0.4, scales about 1. */
export const scattered = <P>(specs: unknown, seed: number): P => {
  const drawn: unknown = mapTree(
    isParameterSpec,
    ({ shape }, path) =>
      pipe(
        random.key(seed),
        foldName(path),
        random.normal(shape),
        mul(0.4),
        add(path.endsWith('LayerNorm.weight') ? 1 : 0)
      ),
    specs
  )
  return computed(drawn as P)
}

/** A batch on the host, so that tests can cut and change it. */
export type HostBatch = {
  readonly [K in keyof ShardBatch]: K extends 'maskedWeights' ? Float32Array : Int32Array
} & { readonly rows: number }

/**
 * A masked batch of `config`'s sizes: [CLS], a segment, [SEP], a segment, [SEP], and padding. Lengths differ from row to
 * row, and the first row is full.
 */
export const batchOf = (config: ElectraConfig, seed: number): HostBatch => {
  const { batchSize, sequenceLength: length } = config
  const draw = hostBits(batchSize * length)(hostFold(0)(hostKey(seed)))
  const lengths = Array.from({ length: batchSize }, (_, row) => (row === 0 ? length : 5 + (draw[row] % (length - 5))))
  const each = (f: (t: number, real: number, word: number) => number): Int32Array =>
    Int32Array.from(draw, (word, i) => {
      const real = lengths[Math.floor(i / length)]
      const t = i % length
      return t < real ? f(t, real, word) : 0
    })
  const middle = (real: number): number => Math.floor(real / 2)
  const batch = {
    batchSize,
    sequenceLength: length,
    inputIds: each((t, real, word) => {
      if (t === 0) return special.cls
      return t === middle(real) || t === real - 1 ? special.sep : 5 + (word % (vocabSize - 5))
    }),
    attentionMask: each(() => 1),
    tokenTypeIds: each((t, real) => (t > middle(real) ? 1 : 0))
  }
  const { maskProbability, replaceProbability, sampleWithReplacement: withReplacement } = config
  const options = { maskProbability, replaceProbability, withReplacement, special }
  const { inputIds, attentionMask, tokenTypeIds } = batch
  return {
    rows: batchSize,
    inputIds,
    attentionMask,
    tokenTypeIds,
    ...maskBatch(options, hostFold(1)(hostKey(seed)))(batch)
  }
}

/** The batch as the losses read it. */
export const given = ({ rows, ...arrays }: HostBatch): ShardBatch =>
  mapValues((array) => tensor(array, { shape: [rows, array.length / rows] }), arrays)

const mapValues = (f: (array: Int32Array | Float32Array) => Tensor, arrays: Omit<HostBatch, 'rows'>): ShardBatch => ({
  inputIds: f(arrays.inputIds),
  maskedInputIds: f(arrays.maskedInputIds),
  attentionMask: f(arrays.attentionMask),
  tokenTypeIds: f(arrays.tokenTypeIds),
  maskedPositions: f(arrays.maskedPositions),
  maskedIds: f(arrays.maskedIds),
  maskedWeights: f(arrays.maskedWeights)
})

const total = (array: Int32Array | Float32Array): Tensor => tensor(Array.from(array).reduce((sum, x) => sum + x, 0))

/** The weight sums of a batch, which all its shards divide by. */
export const denominatorsOf = ({ maskedWeights, attentionMask, inputIds }: HostBatch): Denominators => ({
  maskedWeights: total(maskedWeights),
  attentionMask: total(attentionMask),
  candidates: total(
    attentionMask.map((real, i) =>
      real === 1 && ![special.cls, special.sep, special.mask].some((id) => id === inputIds[i]) ? 1 : 0
    )
  )
})

/** Rows `from .. to - 1` of a batch. */
export const rowsOf = (batch: HostBatch, from: number, to: number): HostBatch => {
  const cut = <A extends Int32Array | Float32Array>(array: A): A =>
    array.slice((from * array.length) / batch.rows, (to * array.length) / batch.rows) as A
  return {
    rows: to - from,
    inputIds: cut(batch.inputIds),
    maskedInputIds: cut(batch.maskedInputIds),
    attentionMask: cut(batch.attentionMask),
    tokenTypeIds: cut(batch.tokenTypeIds),
    maskedPositions: cut(batch.maskedPositions),
    maskedIds: cut(batch.maskedIds),
    maskedWeights: cut(batch.maskedWeights)
  }
}

/** The largest `|a - b| / max(1, |b|)`; a mismatch of lengths counts infinitely. */
export const distance = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  a.length !== b.length
    ? Infinity
    : a.reduce((d, x, i) => Math.max(d, Math.abs(x - b[i]) / Math.max(1, Math.abs(b[i]))), 0)

/** The same over every path of two trees. */
export const treeDistance = (a: unknown, b: unknown): number => {
  const [as, bs] = [numbersByPath(a), numbersByPath(b)]
  if ([...as.keys()].join() !== [...bs.keys()].join()) return Infinity
  return [...as].reduce((d, [path, x]) => Math.max(d, distance(x, bs.get(path) ?? [])), 0)
}

/**
 * What two orders of one float64 computation may differ by: some hundred roundings of 1.1e-16 in each of a few dozen
 * layers of sums, with gradients (scaled by 50) of size up to some hundred.
 */
export const rounding = 1e-10
