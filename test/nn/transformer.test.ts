import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/index.js'
import { gelu } from '../../src/nn/activation.js'
import { selfAttention } from '../../src/nn/attention.js'
import { dense } from '../../src/nn/dense.js'
import { countParameters, initialise } from '../../src/nn/initialiser.js'
import { layerNorm } from '../../src/nn/layer-norm.js'
import { foldName } from '../../src/nn/name-key.js'
import { mapParams } from '../../src/nn/params.js'
import { encoder, encoderLayer, encoderSpec, type Encoder, type EncoderOptions } from '../../src/nn/transformer.js'
import { add, square, sum, type Tensor } from '../../src/tensor/index.js'
import { lower } from '../../src/tensor/program/lower.js'
import { key, normal } from '../../src/tensor/random.js'
import { tensorEntries, tensorsOf } from '../../src/tensor/tree.js'
import { assertGradients, tensorOf } from '../../src/testing/index.js'
import { computed, distance, doubles, integers, rounding, values } from './double.js'

const [batch, length, width] = [2, 3, 4]
const spec = encoderSpec({ layers: 2, width, intermediate: 6 })
const evaluation: EncoderOptions = { heads: 2, dropout: 0.3, attentionDropout: 0.3, eps: 1e-12, activation: gelu }
const training: EncoderOptions = { ...evaluation, key: key(21) }

/** Normal values everywhere, so that every parameter matters; at the usual 0.02 little but the residual stream would. */
const params: Encoder = computed(
  mapParams<Encoder>((x, path) => normal(x.shape)(foldName(path)(key(3))), initialise(key(1))(spec))
)

const input = tensorOf([batch, length, width])
const mask = integers([batch, length], [1, 1, 1, 1, 1, 0])

describe('encoderLayer', () => {
  it('is attention and feed-forward, each added to its input and normalised afterwards', () => {
    fc.assert(
      fc.property(input, (x) => {
        const [{ attention, intermediate, output }] = params.layer
        const normalise = layerNorm({ eps: 1e-12 })
        const attended = pipe(
          selfAttention({ heads: 2, dropout: 0 })(attention.self)(x, mask),
          dense(attention.output.dense),
          add(x),
          normalise(attention.output.LayerNorm)
        )
        const fed = pipe(attended, dense(intermediate.dense), gelu, dense(output.dense))
        const expected = pipe(fed, add(attended), normalise(output.LayerNorm))
        expect(distance(values(encoderLayer(evaluation)(params.layer[0])(x, mask)), values(expected))).toBeLessThan(
          rounding
        )
      }),
      { numRuns: 20 }
    )
  })
})

describe('encoder', () => {
  const encode = (options: EncoderOptions, x: Tensor) => encoder(options)(params)(x, mask)

  it('feeds each layer the one before it, and gives all their outputs', () => {
    fc.assert(
      fc.property(input, (x) => {
        const { final, layers } = encode(evaluation, x)
        const first = encoderLayer(evaluation)(params.layer[0])(x, mask)
        const second = encoderLayer(evaluation)(params.layer[1])(first, mask)
        expect(layers.map(values)).toEqual([values(first), values(second)])
        expect(final).toBe(layers[1])
      }),
      { numRuns: 10 }
    )
  })

  it('without layers is its input', () => {
    const x = doubles([1, 1, 1], [5])
    expect(encoder(evaluation)({ layer: [] })(x, integers([1, 1], [1]))).toEqual({ final: x, layers: [] })
  })

  it('does not let the content of padding reach a real position', () => {
    fc.assert(
      fc.property(input, input, (x, other) => {
        const real = (ys: ReadonlyArray<number>): ReadonlyArray<number> => ys.slice(0, (batch * length - 1) * width)
        const padded = doubles(x.shape, [...real(values(x)), ...values(other).slice(-width)])
        expect(real(values(encode(evaluation, padded).final))).toEqual(real(values(encode(evaluation, x).final)))
      }),
      { numRuns: 20 }
    )
  })

  it('without a key holds no random bits, whatever the rates', () => {
    const tags = (options: EncoderOptions): ReadonlyArray<string> =>
      lower(
        [{ name: 'y', tensor: encode(options, doubles([batch, length, width], new Array<number>(24).fill(1))).final }],
        []
      ).program.instructions.map(({ op }) => op._tag)
    expect(tags(evaluation)).not.toContain('randomBits')
    expect(tags(training)).toContain('randomBits')
  })

  const [sample] = fc.sample(input, { numRuns: 1, seed: 8 })

  it('with a key drops the same again for that key, other elements for another, and others in each layer', () => {
    const y = values(encode(training, sample).final)
    expect(values(encode(training, sample).final)).toEqual(y)
    expect(values(encode({ ...training, key: key(22) }, sample).final)).not.toEqual(y)
    const twice = encoder(training)({ layer: [params.layer[0], params.layer[0]] })(sample, mask)
    const again = encoder(training)({ layer: [params.layer[0]] })(twice.layers[0], mask)
    expect(values(again.final)).not.toEqual(values(twice.final))
  })

  it('with rematerialisation has the same values and gradients, bit for bit, dropout included', () => {
    const lossOf =
      (remat: boolean) =>
      ({ p, x }: { readonly p: Encoder; readonly x: Tensor }): Tensor =>
        sum()(square(encoder({ ...training, remat })(p)(x, mask).final))
    const at = { p: params, x: sample }
    expect(values(lossOf(true)(at))).toEqual(values(lossOf(false)(at)))
    const flat = (remat: boolean) => tensorsOf(computed(grad(lossOf(remat))(at))).map(values)
    expect(flat(true)).toEqual(flat(false))
  })

  it('names its parameters as Hugging Face does', () => {
    const names = tensorEntries(params).map(([path]) => path)
    const linear = [
      'attention.output.dense',
      'attention.self.key',
      'attention.self.query',
      'attention.self.value',
      'intermediate.dense',
      'output.dense'
    ]
    const norms = ['attention.output.LayerNorm', 'output.LayerNorm']
    const expected = [0, 1].flatMap((i) =>
      [...linear, ...norms].flatMap((name) => [`layer.${i}.${name}.weight`, `layer.${i}.${name}.bias`])
    )
    expect([...names].sort()).toEqual(expected.sort())
  })

  it("has as many parameters as ELECTRA-Small's: 789,760 a layer", () => {
    // 4 (h^2 + h) + (h f + f) + (f h + h) + 4 h with h = 256 and f = 1024
    expect(countParameters(encoderSpec({ layers: 12, width: 256, intermediate: 1024 }))).toBe(12 * 789_760)
  })
})

describe('the derivatives, first and second, of an encoder', () => {
  const tokens = integers([1, 2], [1, 1])
  it.each([
    ['in evaluation', evaluation],
    ['under dropout with a fixed key', training],
    ['under dropout, computed again in the backward pass', { ...training, remat: true }]
  ])('%s are those of finite differences', (_, options) => {
    assertGradients(
      ({ p, x }) => encoder(options)(p)(x, tokens).final,
      // A row that is nearly constant has derivatives as large as 1 / sqrt(eps): distinct values keep away from it.
      tensorOf([1, 2, width], { min: -2, max: 2, distinct: true }).map((x) => ({ p: params, x })),
      { order: 2, runs: 2, elements: 40 }
    )
  })
})
