/**
 * The golden numbers of the objectives, `test/fixtures/objectives.safetensors`, as the tests compare with them: its weights in the
 * tree of an objective's parameters, its batches, and how far values and gradients are from the file's.
 */

import { readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { expect } from 'vitest'
import { valueAndGradWithAux } from '../../../src/autodiff/index.js'
import type { SpecialIds } from '../../../src/electra/data/vocabulary/vocabulary.js'
import type { Sharing } from '../../../src/electra/config/schema.js'
import type { GeneratorName } from '../../../src/electra/objective/generators/table.js'
import type { Denominators, ShardBatch } from '../../../src/electra/objective/batch.js'
import type { Pieces } from '../../../src/electra/objective/pieces.js'
import { kindOf, type ObjectiveName } from '../../../src/electra/objective/table.js'
import { paramsFrom } from '../../../src/electra/model/stored-params.js'
import { cast, sum, toTypedArray, type Literal, type Tensor } from '../../../src/tensor/index.js'
import { evaluateAll } from '../../../src/tensor/run/evaluate.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { decode } from '../../../src/tensor/safetensors.js'
import { toLiteral } from '../../../src/tensor/stored.js'
import { tensorEntries } from '../../../src/tensor/tree.js'
import { right } from '../data/right.js'
import { computed, configOf } from './cases.js'

const file = right(
  decode(Uint8Array.from(readFileSync(new URL('../../fixtures/objectives.safetensors', import.meta.url))))
)

const metadata = <A>(key: string): A => JSON.parse(file.metadata[key]) as A

const sizes = metadata<Readonly<Record<string, number>>>('config')
const partsRead = metadata<Readonly<Record<string, ReadonlyArray<string>>>>('parts')
const sameGradient = metadata<Readonly<Record<string, string>>>('same_gradient')

/** A tensor of the file. */
export const golden = (name: string): Literal => {
  const found = file.tensors.get(name)
  if (found === undefined) throw new Error(`the golden file has no ${name}`)
  return right(toLiteral(found))
}

export const goldenNumbers = (name: string): ReadonlyArray<number> => Array.from(toTypedArray(golden(name)))

/** The text's pieces, all alike. */
export const goldenPieces: Pieces = {
  size: sizes.vocab,
  special: metadata<SpecialIds>('special'),
  counts: new Uint32Array(sizes.vocab).fill(1)
}

/** A configuration of the file's sizes, without dropout. */
export const goldenConfig = (
  objective: ObjectiveName = 'electra',
  { kind, ...change }: { readonly kind?: GeneratorName; readonly sharing?: Sharing } = {}
) =>
  configOf({
    objective,
    ...change,
    sequenceLength: sizes.seq,
    batchSize: sizes.batch,
    shards: 1,
    maskProbability: sizes.mask_probability,
    generatorWeight: 1,
    discriminatorWeight: 50,
    model: {
      embeddingSize: sizes.emb,
      hiddenSize: sizes.hidden,
      layers: sizes.layers,
      heads: sizes.heads,
      feedForwardSize: sizes.ffn,
      maxPositions: sizes.max_pos,
      typeVocabSize: sizes.types,
      hiddenDropout: 0,
      attentionDropout: 0,
      layerNormEps: sizes.ln_eps,
      initialAttention: 'flat'
    },
    ...(kindOf({ objective }).generator === 'model sizes' || change.sharing === 'all'
      ? {}
      : {
          generator: {
            hiddenSize: sizes.gen_hidden,
            layers: sizes.layers,
            heads: sizes.gen_heads,
            feedForwardSize: sizes.gen_ffn,
            ...(kind === undefined ? {} : { kind })
          }
        })
  })

export type GoldenBatch = {
  readonly batch: ShardBatch
  readonly denominators: Denominators
  /** The token of each slot `[B, P]`, i32. */
  readonly sampled: Tensor
}

export const goldenBatch = (name: 'batch' | 'batch_with_replacement' = 'batch'): GoldenBatch => {
  const of = (key: string): Literal => golden(`${name}.${key}`)
  const attentionMask = of('attention_mask')
  const maskedWeights = of('masked_weights')
  const total = (x: Literal): Tensor => computed(pipe(x, cast('f32'), sum()))
  return {
    batch: {
      inputIds: of('input_ids'),
      maskedInputIds: of('masked_input_ids'),
      attentionMask,
      tokenTypeIds: of('token_type_ids'),
      maskedPositions: of('masked_positions'),
      maskedIds: of('masked_ids'),
      maskedWeights
    },
    denominators: {
      attentionMask: total(attentionMask),
      candidates: total(golden(`${name}.candidates`)),
      maskedWeights: total(maskedWeights)
    },
    sampled: of('sampled_ids')
  }
}

/** Which part of the file stands where in a tree of parameters: `discriminator.electra` reads `main`. The longest path that fits counts. */
export type Parts = Readonly<Record<string, string>>

export const discriminatorParts: Parts = {
  'discriminator.electra': 'main',
  'discriminator.electra.embeddings': 'embeddings',
  'discriminator.discriminator_predictions': 'discriminator_predictions'
}

export const generatorParts: Parts = {
  'generator.electra': 'generator',
  'generator.generator_predictions': 'generator_head.generator_predictions',
  'generator.generator_lm_head': 'generator_head.generator_lm_head'
}

/** Of a masked language model of the model's size, under `at`. */
export const maskedLmParts = (at: string): Parts => ({
  [`${at}.electra`]: 'main',
  [`${at}.electra.embeddings`]: 'embeddings',
  [`${at}.generator_predictions`]: 'main_head.generator_predictions',
  [`${at}.generator_lm_head`]: 'main_head.generator_lm_head'
})

/** A parameter's name in the file. */
const nameOf =
  (parts: Parts) =>
  (path: string): string => {
    const at = Object.keys(parts)
      .filter((prefix) => path.startsWith(`${prefix}.`))
      .sort((a, b) => b.length - a.length)
      .at(0)
    if (at === undefined) throw new Error(`no part of the golden file is ${path}`)
    return `${parts[at]}${path.slice(at.length)}`
  }

export const goldenParams = <P>(specs: unknown, parts: Parts): P =>
  right(paramsFrom((path) => E.right(golden(`weights.${nameOf(parts)(path)}`)))<P>(specs))

/** The names of the weights that an objective reads, in the order of its gradient. */
const namesOf = (objective: string): ReadonlyArray<string> =>
  [...file.tensors.keys()]
    .filter((name) => name.startsWith('weights.'))
    .map((name) => name.slice('weights.'.length))
    .filter((name) => partsRead[objective].some((part) => name.startsWith(`${part}.`)))
    .sort()

type Numbers = ReadonlyArray<number>

const normOf = (xs: Numbers): number => Math.sqrt(xs.reduce((total, x) => total + x * x, 0))

/** `||a - b|| / ||b||`. */
export const relative = (a: Numbers, b: Numbers): number => {
  if (a.length !== b.length) return Infinity
  const d = normOf(a.map((x, i) => x - b[i]))
  return d === 0 ? 0 : d / normOf(b)
}

/** The file's probes of a gradient. */
const probesOf = (gradient: Numbers): Numbers =>
  [1, 2, 3].map((k) => gradient.reduce((total, g, i) => total + g * Math.cos(k * (i + 1)), 0))

/**
 * The largest distance of the gradients' probes from the file's, as a share of the whole gradient's norm, and, where the file has
 * them, of their elements. Parameters at several paths that are one in the file add up.
 */
const gradientDistance = (objective: string, parts: Parts, grads: unknown): number => {
  const of = sameGradient[objective] ?? objective
  const ours = tensorEntries(grads).reduce((found, [path, x]) => {
    const name = nameOf(parts)(path)
    const g = Array.from(toTypedArray(x as Literal))
    const before = found.get(name)
    return found.set(name, before === undefined ? g : g.map((value, i) => value + before[i]))
  }, new Map<string, Numbers>())
  const names = namesOf(objective)
  expect([...ours.keys()].sort()).toEqual(names)
  const all = names.map((name) => ours.get(name) ?? [])
  const norm = normOf(all.flat())
  const theirs = goldenNumbers(`${of}.probes`)
  const probes = all.flatMap(probesOf).reduce((most, x, i) => Math.max(most, Math.abs(x - theirs[i])), 0) / norm
  if (!file.tensors.has(`${of}.gradient`)) return probes
  const [elements, found] = [goldenNumbers(`${of}.gradient`), all.flat()]
  // The file's elements are rounded to float32: half a unit in the last place of 2^-24.
  const beyond = elements.map((x, i) => Math.max(0, Math.abs(found[i] - x) - Math.abs(x) * 2 ** -24))
  return elements.length === found.length ? Math.max(probes, Math.max(...beyond) / norm) : Infinity
}

/** Devices with what their values and gradients may differ by from the file's, relative to the norm of the whole. */
export const goldenDevices = [
  { device: 'reference in float64', evaluate: evaluateAll(reference({ floats: 'float64' })), tolerance: 1e-9 },
  { device: 'wasm', evaluate: evaluateAll(wasm()), tolerance: 1e-5 }
] as const

/** What of an objective is in the file: the loss, and other tensors under the file's names. */
export type Compared = { readonly loss: Tensor } & { readonly [name: string]: Tensor }

/**
 * Expects a loss, what it is made of, and its gradients to be the file's, on every device.
 *
 * `real` names what is compared at real tokens only: the file has padding, too, where nothing is promised.
 */
export const expectGolden = <P>(
  { objective, params, parts, real = [] }: GoldenCase<P>,
  compute: (params: P) => Compared
): void => {
  const differentiated = valueAndGradWithAux((at: P) => {
    const found = compute(at)
    return [found.loss, found] as const
  })(params)
  for (const { device, evaluate, tolerance } of goldenDevices) {
    const { aux, grads } = right(evaluate(differentiated))
    const distances = Object.entries(aux).map(([name, x]) => {
      const [ours, theirs] = [Array.from(toTypedArray(x)), goldenNumbers(`${objective}.${name}`)]
      return [name, real.includes(name) ? relative(atReal(ours), atReal(theirs)) : relative(ours, theirs)] as const
    })
    const all = [...distances, ['gradient', gradientDistance(objective, parts, grads)] as const]
    expect(
      all.filter(([, d]) => !(d <= tolerance)),
      `${objective} on ${device}`
    ).toEqual([])
  }
}

export type GoldenCase<P> = {
  readonly objective: string
  readonly params: P
  readonly parts: Parts
  readonly real?: ReadonlyArray<string>
}

/** Of values `[B, L]` or `[B, L, n]` those at real tokens. Both batches have the same. */
const atReal = (values: Numbers): Numbers => {
  const mask = goldenNumbers('batch.attention_mask')
  const width = values.length / mask.length
  return values.filter((_, i) => mask[Math.floor(i / width)] === 1)
}
