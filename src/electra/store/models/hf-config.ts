/**
 * Hugging Face's `config.json` of an ELECTRA model, written and read.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { describe } from '../../../tensor/describe.js'
import { parseJson, showJsonError } from '../../../tensor/strict-json.js'
import type { ElectraConfig, ModelConfig } from '../../config/config.js'
import { mostLayers } from '../../config/schema.js'
import type { Exported } from '../../objective/exported.js'
import { canonicalJson, type Json } from '../canonical-json.js'
import type { StoreError } from '../errors.js'

/** One of the two networks, by itself. */
export type Network = ModelConfig & { readonly vocabSize: number }

/** A network of a run, by itself. */
export const networkOf = ({ model }: Pick<ElectraConfig, 'model'>, vocabSize: number, { size }: Exported): Network => {
  const { embeddingSize, hiddenSize, layers, heads, feedForwardSize } = size
  // Where attention started is no part of a network that stands.
  const { initialAttention: _started, ...rest } = model
  return { ...rest, embeddingSize, hiddenSize, layers, heads, feedForwardSize, vocabSize }
}

const architectures = { discriminator: 'ElectraForPreTraining', generator: 'ElectraForMaskedLM' } as const

/** The text of `config.json`. */
export const printHfConfig = (n: Network, half: 'discriminator' | 'generator'): string =>
  printConfigOf(n, architectures[half])

/** The same for any class of transformers; `more` is what it has beside or instead. */
export const printConfigOf = (n: Network, architecture: string, more: Readonly<Record<string, Json>> = {}): string =>
  `${canonicalJson(
    {
      architectures: [architecture],
      attention_probs_dropout_prob: n.attentionDropout,
      classifier_dropout: null,
      embedding_size: n.embeddingSize,
      hidden_act: 'gelu',
      hidden_dropout_prob: n.hiddenDropout,
      hidden_size: n.hiddenSize,
      initializer_range: n.initializerRange,
      intermediate_size: n.feedForwardSize,
      layer_norm_eps: n.layerNormEps,
      max_position_embeddings: n.maxPositions,
      model_type: 'electra',
      num_attention_heads: n.heads,
      num_hidden_layers: n.layers,
      pad_token_id: 0,
      position_embedding_type: 'absolute',
      summary_activation: 'gelu',
      summary_last_dropout: 0.1,
      summary_type: 'first',
      summary_use_proj: true,
      tie_word_embeddings: true,
      type_vocab_size: n.typeVocabSize,
      use_cache: true,
      vocab_size: n.vocabSize,
      ...more
    },
    2
  )}\n`

const count = z.int({ error: 'a positive integer' }).min(1, { error: 'a positive integer' })
const rate = z
  .number({ error: 'a number from 0 to below 1' })
  .min(0, { error: 'a number from 0 to below 1' })
  .lt(1, { error: 'a number from 0 to below 1' })
const positive = z.number({ error: 'a number above 0' }).gt(0, { error: 'a number above 0' })

/** Keys that are missing have the values of `ElectraConfig` in transformers; keys of other versions do not matter. */
const schema = z.looseObject(
  {
    model_type: z.literal('electra', { error: "'electra'" }).default('electra'),
    vocab_size: count.default(30522),
    embedding_size: count.default(128),
    hidden_size: count.default(256),
    num_hidden_layers: count.max(mostLayers, { error: `at most ${mostLayers}` }).default(12),
    num_attention_heads: count.default(4),
    intermediate_size: count.default(1024),
    hidden_act: z.literal('gelu', { error: "'gelu', the only activation there is here" }).default('gelu'),
    hidden_dropout_prob: rate.default(0.1),
    attention_probs_dropout_prob: rate.default(0.1),
    max_position_embeddings: count.default(512),
    type_vocab_size: count.default(2),
    initializer_range: positive.default(0.02),
    layer_norm_eps: positive.default(1e-12),
    is_decoder: z
      .literal(false, { error: 'false: a network that reads in one direction is none of ELECTRA here' })
      .default(false),
    add_cross_attention: z
      .literal(false, { error: 'false: there is no attention to another network here' })
      .default(false),
    position_embedding_type: z
      .literal('absolute', { error: "'absolute', the only kind of positions there is here" })
      .default('absolute')
  },
  { error: 'an object' }
)

/** Deeper than any published configuration. */
const deepest = 16

const valueAt = (json: unknown, key: PropertyKey | undefined): unknown =>
  key === undefined || typeof json !== 'object' || json === null ? json : (json as Record<PropertyKey, unknown>)[key]

/** The network that a `config.json` describes; `path` names the file in errors. */
export const parseHfConfig =
  (path: string) =>
  (text: string): E.Either<StoreError, Network> => {
    const corrupt = (found: string, expected: string): StoreError => ({ _tag: 'Corrupt', path, found, expected })
    return pipe(
      parseJson(deepest)(text),
      E.mapLeft((e) => corrupt(showJsonError(e), 'a JSON object')),
      E.chain((json) => {
        const parsed = schema.safeParse(json)
        if (parsed.success) return E.right(parsed.data)
        const [{ path: keys, message }] = parsed.error.issues
        const found = describe(valueAt(json, keys[0]))
        return E.left(corrupt(keys.length === 0 ? found : `${String(keys[0])} = ${found}`, message))
      }),
      E.filterOrElse(
        (c) => c.hidden_size % c.num_attention_heads === 0,
        (c) => corrupt(`num_attention_heads = ${c.num_attention_heads}`, `a divisor of hidden_size, ${c.hidden_size}`)
      ),
      E.map((c) => ({
        vocabSize: c.vocab_size,
        embeddingSize: c.embedding_size,
        hiddenSize: c.hidden_size,
        layers: c.num_hidden_layers,
        heads: c.num_attention_heads,
        feedForwardSize: c.intermediate_size,
        maxPositions: c.max_position_embeddings,
        typeVocabSize: c.type_vocab_size,
        hiddenDropout: c.hidden_dropout_prob,
        attentionDropout: c.attention_probs_dropout_prob,
        layerNormEps: c.layer_norm_eps,
        initializerRange: c.initializer_range
      }))
    )
  }
