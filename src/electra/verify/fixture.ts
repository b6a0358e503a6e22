/**
 * Golden files: one pre-training step written down by another implementation, as a safetensors file.
 *
 * The weights stand under Hugging Face's names behind `discriminator.` and `generator.`, tied ones under both names; the
 * batch under `inputs.`; what must come out under `outputs.`, `grads.`, `after3.` and `steps.`, each computed once in
 * float32 (`f32`) and once in float64 (`f64`). Sizes and the optimizer are JSON in the metadata.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import type { Literal } from '../../tensor/literal.js'
import { decode, showSafetensorsError, type SafetensorsError } from '../../tensor/safetensors.js'
import type { Spec } from '../../tensor/program/program.js'
import { equalShapes, showShape } from '../../tensor/shape.js'
import { toLiteral, type Stored } from '../../tensor/stored.js'
import { parseJson, showJsonError } from '../../tensor/strict-json.js'
import { layerNormSpec, type ParameterSpec } from '../../nn/index.js'
import type { ElectraConfig } from '../config/config.js'
import { replacedTokenSpec, type JointParams } from '../objective/replaced-token.js'
import { paramsFrom } from '../model/stored-params.js'

export type FixtureError =
  | { readonly _tag: 'BadFixture'; readonly where: string; readonly found: string; readonly expected: string }
  | SafetensorsError

export const showFixtureError = (e: FixtureError): string =>
  e._tag === 'BadFixture' ? `${e.where}: found ${e.found}, expected ${e.expected}` : showSafetensorsError(e)

const size = z.number().int().min(1)

/** Of layers and of steps: both are worked off one by one, so a file must not ask for a billion. */
const count = size.max(1000)

const sizes = z.looseObject({
  vocab: size,
  emb: size,
  hidden: size,
  layers: count,
  heads: size,
  ffn: size,
  gen_hidden: size,
  gen_heads: size,
  gen_ffn: size,
  max_pos: size,
  types: size,
  seq: size,
  batch: size,
  max_pred: size,
  ln_eps: z.number().positive(),
  disc_weight: z.number().nonnegative(),
  dropout: z.literal(0),
  tie_embeddings_layernorm: z.boolean().default(true)
})

const optimizer = z.looseObject({
  lr: z.number().positive(),
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  eps: z.number().positive(),
  weight_decay: z.number().nonnegative(),
  bias_correction: z.literal(false),
  clip_global_norm: z.number().positive(),
  steps: count
})

export type FixtureSizes = z.infer<typeof sizes>
export type FixtureOptimizer = z.infer<typeof optimizer>

export type Fixture = {
  readonly sizes: FixtureSizes
  readonly optimizer: FixtureOptimizer
  readonly config: Pick<ElectraConfig, 'model' | 'generator' | 'generatorWeight' | 'discriminatorWeight'>
  /** The weights to start from. Tied ones once, under the discriminator's name. */
  readonly params: JointParams<Literal>
  /** A tensor of the file by its name, if it is of this shape and dtype; F64 stays in double precision. */
  readonly tensor: (name: string, expected: Spec) => E.Either<FixtureError, Literal>
  readonly names: ReadonlyArray<string>
}

const bad = (where: string, found: string, expected: string): FixtureError => ({
  _tag: 'BadFixture',
  where,
  found,
  expected
})

const fromMetadata = <A>(
  metadata: Readonly<Record<string, string>>,
  key: string,
  schema: z.ZodType<A>
): E.Either<FixtureError, A> => {
  const where = `metadata ${key}`
  const text = metadata[key]
  if (text === undefined) return E.left(bad(where, 'nothing', 'JSON'))
  return pipe(
    parseJson(8)(text),
    E.mapLeft((e) => bad(where, showJsonError(e), 'JSON')),
    E.chain((json) => {
      const parsed = schema.safeParse(json)
      if (parsed.success) return E.right(parsed.data)
      const [issue] = parsed.error.issues
      return E.left(bad(`${where}.${issue.path.join('.')}`, issue.message, 'the sizes and rates of a step'))
    })
  )
}

const configOf = (s: FixtureSizes): Fixture['config'] => ({
  model: {
    embeddingSize: s.emb,
    hiddenSize: s.hidden,
    layers: s.layers,
    heads: s.heads,
    feedForwardSize: s.ffn,
    maxPositions: s.max_pos,
    typeVocabSize: s.types,
    hiddenDropout: 0,
    attentionDropout: 0,
    layerNormEps: s.ln_eps,
    initializerRange: 0.02
  },
  generator: { hiddenSize: s.gen_hidden, layers: s.layers, heads: s.gen_heads, feedForwardSize: s.gen_ffn },
  generatorWeight: 1,
  discriminatorWeight: s.disc_weight
})

/** The joint parameters; a generator whose embedding layer norm is its own has that one more. */
const specOf = (s: FixtureSizes): JointParams<ParameterSpec> => {
  const joint = replacedTokenSpec(configOf(s), s.vocab)
  if (s.tie_embeddings_layernorm) return joint
  const { generator } = joint
  const embeddings = { LayerNorm: layerNormSpec(s.emb) }
  return { ...joint, generator: { ...generator, electra: { ...generator.electra, embeddings } } }
}

const lookupIn =
  (tensors: ReadonlyMap<string, Stored>): Fixture['tensor'] =>
  (name, { shape, dtype }) => {
    const stored = tensors.get(name)
    if (stored === undefined) return E.left(bad(name, 'no such tensor', 'one'))
    if (!equalShapes(stored.shape, shape)) return E.left(bad(name, showShape(stored.shape), showShape(shape)))
    return pipe(
      toLiteral(stored),
      E.mapLeft((e) => bad(name, e.found, e.expected)),
      E.filterOrElse(
        (x) => x.dtype === dtype,
        () => bad(name, stored.dtype, `an element type for ${dtype}`)
      )
    )
  }

/** Reads a golden file's bytes. */
export const readFixture = (bytes: Uint8Array): E.Either<FixtureError, Fixture> =>
  pipe(
    E.Do,
    E.bind('file', () => decode(bytes)),
    E.bindW('sizes', ({ file }) => fromMetadata(file.metadata, 'config', sizes)),
    E.bindW('optimizer', ({ file }) => fromMetadata(file.metadata, 'optimizer', optimizer)),
    E.let('tensor', ({ file }) => lookupIn(file.tensors)),
    E.bindW('params', ({ sizes: s, tensor }) =>
      paramsFrom((path, shape) => tensor(path, { shape, dtype: 'f32' }))<JointParams<Literal>>(specOf(s))
    ),
    E.map(({ file, sizes: s, optimizer: o, tensor, params }) => ({
      sizes: s,
      optimizer: o,
      config: configOf(s),
      params,
      tensor,
      names: [...file.tensors.keys()]
    }))
  )
