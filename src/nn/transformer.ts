/**
 * The post-LN transformer encoder of BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805), which ELECTRA keeps.
 *
 * Parameters are records under Hugging Face's names, so a tree's paths are the names in a model file:
 * `layer.0.attention.self.query.weight`.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { checkpoint } from '../autodiff/index.js'
import { add, type Tensor } from '../tensor/index.js'
import { fold, type Key } from '../tensor/random.js'
import { selfAttention, selfAttentionSpec, type SelfAttention } from './attention.js'
import { dense, denseSpec, type Dense, type DenseSize } from './dense.js'
import { dropout } from './dropout.js'
import { bertNormal, type Initialiser, type ParameterSpec } from './initialiser.js'
import { layerNorm, layerNormSpec, type LayerNorm } from './layer-norm.js'
import { foldName } from './name-key.js'

/** A dense layer whose result joins the residual stream. */
export type ResidualDense<A = Tensor> = { readonly dense: Dense<A>; readonly LayerNorm: LayerNorm<A> }

export type EncoderLayer<A = Tensor> = {
  readonly attention: { readonly self: SelfAttention<A>; readonly output: ResidualDense<A> }
  readonly intermediate: { readonly dense: Dense<A> }
  readonly output: ResidualDense<A>
}

export type Encoder<A = Tensor> = { readonly layer: ReadonlyArray<EncoderLayer<A>> }

export type EncoderSize = { readonly layers: number; readonly width: number; readonly intermediate: number }

export type EncoderOptions = {
  readonly heads: number
  /** The dropout rate of both sublayers' results. */
  readonly dropout: number
  /** The dropout rate of the attention probabilities. */
  readonly attentionDropout: number
  /** Of every layer norm. */
  readonly eps: number
  readonly activation: (x: Tensor) => Tensor
  /** Absent in evaluation: nothing is dropped. */
  readonly key?: Key
  /** Which keys each query may see, beside the key mask; see `SelfAttentionOptions`. */
  readonly pairMask?: Tensor
  /** Compute each layer again in the backward pass instead of keeping what is inside it. The same values, bit for bit. */
  readonly remat?: boolean
}

export type Encoded = {
  /** The last layer's output `[B, L, h]`; the input itself where there are no layers. */
  readonly final: Tensor
  /** Every layer's output, in order. */
  readonly layers: ReadonlyArray<Tensor>
}

const residualDenseSpec = (size: DenseSize, weight: Initialiser): ResidualDense<ParameterSpec> => ({
  dense: denseSpec(size, weight),
  LayerNorm: layerNormSpec(size.outputs)
})

/** One layer's parameters: dense weights drawn by the given initialiser, biases 0, layer norms 1 and 0. */
export const encoderLayerSpec = (
  { width, intermediate }: Omit<EncoderSize, 'layers'>,
  weight: Initialiser = bertNormal
): EncoderLayer<ParameterSpec> => ({
  attention: {
    self: selfAttentionSpec(width, weight),
    output: residualDenseSpec({ inputs: width, outputs: width }, weight)
  },
  intermediate: { dense: denseSpec({ inputs: width, outputs: intermediate }, weight) },
  output: residualDenseSpec({ inputs: intermediate, outputs: width }, weight)
})

/** A stack of layers' parameters; see `encoderLayerSpec`. */
export const encoderSpec = (
  { layers, ...size }: EncoderSize,
  weight: Initialiser = bertNormal
): Encoder<ParameterSpec> => ({
  layer: Array.from({ length: layers }, () => encoderLayerSpec(size, weight))
})

/** `LayerNorm(residual + dropout(dense(x)))` */
const joinResidual =
  ({ dropout: rate, eps }: EncoderOptions, key: Key | undefined) =>
  (params: ResidualDense, residual: Tensor) =>
  (x: Tensor): Tensor =>
    pipe(x, dense(params.dense), dropout({ rate, key }), add(residual), layerNorm({ eps })(params.LayerNorm))

/**
 * One encoder layer.
 *
 *     a = LayerNorm(x + dropout(dense(selfAttention(x))))
 *     y = LayerNorm(a + dropout(dense(activation(dense(a)))))
 *
 * Its three dropouts fold `attention.self`, `attention.output` and `output` into the key.
 *
 * Shapes: x `[B, L, h]`, mask `[B, L]` (1 real, 0 padding); result `[B, L, h]`. f32.
 */
export const encoderLayer =
  (options: EncoderOptions) =>
  (params: EncoderLayer) =>
  (x: Tensor, mask: Tensor): Tensor => {
    const { heads, attentionDropout, activation, key, pairMask } = options
    const keyOf = (name: string): Key | undefined => (key === undefined ? undefined : foldName(name)(key))
    const attend = selfAttention({ heads, dropout: attentionDropout, key: keyOf('attention.self'), pairMask })
    const attended = pipe(
      attend(params.attention.self)(x, mask),
      joinResidual(options, keyOf('attention.output'))(params.attention.output, x)
    )
    return pipe(
      attended,
      dense(params.intermediate.dense),
      activation,
      joinResidual(options, keyOf('output'))(params.output, attended)
    )
  }

type LayerArguments = {
  readonly layer: EncoderLayer
  readonly x: Tensor
  readonly mask: Tensor
  readonly key?: Key
}

/**
 * A stack of encoder layers; layer i draws with the key folded by i.
 *
 * Shapes: x `[B, L, h]`, mask `[B, L]` (1 real, 0 padding); every result `[B, L, h]`. f32.
 */
export const encoder =
  (options: EncoderOptions) =>
  (params: Encoder) =>
  (x: Tensor, mask: Tensor): Encoded => {
    const apply = (at: LayerArguments): Tensor => encoderLayer({ ...options, key: at.key })(at.layer)(at.x, at.mask)
    const outputs: Array<Tensor> = []
    params.layer.forEach((layer, i) => {
      const input = { layer, x: outputs.at(-1) ?? x, mask }
      // The key is an argument too, so that dropout masks are drawn again rather than kept.
      const drawn = options.key === undefined ? input : { ...input, key: fold(i)(options.key) }
      outputs.push(options.remat === true ? checkpoint(apply)(drawn) : apply(drawn))
    })
    return { final: outputs.at(-1) ?? x, layers: outputs }
  }
