import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/index.js'
import { dense, denseSpec } from '../../src/nn/dense.js'
import { countParameters } from '../../src/nn/initialiser.js'
import { square, sum, TensorFault, type Tensor } from '../../src/tensor/index.js'
import { spec, trace } from '../../src/tensor/program/trace.js'
import { sizeOf } from '../../src/tensor/shape.js'
import { assertGradients, tensorOf } from '../../src/testing/index.js'
import { distance, doubles, reals, rounding, values } from './double.js'

describe('dense', () => {
  it('is weight x + bias at every place of the leading axes, however many there are', () => {
    const cases = fc
      .record({
        leading: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
        inputs: fc.integer({ min: 1, max: 4 }),
        outputs: fc.integer({ min: 1, max: 4 })
      })
      .chain(({ leading, inputs, outputs }) =>
        fc.record({
          leading: fc.constant(leading),
          x: reals(sizeOf(leading) * inputs),
          weight: reals(outputs * inputs),
          bias: reals(outputs)
        })
      )
    fc.assert(
      fc.property(cases, ({ leading, x, weight, bias }) => {
        const [outputs, inputs] = [bias.length, weight.length / bias.length]
        const y = dense({ weight: doubles([outputs, inputs], weight), bias: doubles([outputs], bias) })(
          doubles([...leading, inputs], x)
        )
        expect(y.shape).toEqual([...leading, outputs])
        const naive = Array.from({ length: sizeOf(y.shape) }, (_, i) => {
          const [row, out] = [Math.floor(i / outputs), i % outputs]
          return (
            bias[out] +
            weight.slice(out * inputs, (out + 1) * inputs).reduce((s, w, p) => s + w * x[row * inputs + p], 0)
          )
        })
        expect(distance(values(y), naive)).toBeLessThan(rounding)
      })
    )
  })

  it('contracts the stored weight as it is: no transpose is in the program', () => {
    const traced = trace((weight: Tensor, bias: Tensor, x: Tensor) => dense({ weight, bias })(x))(
      spec([5, 4]),
      spec([5]),
      spec([2, 3, 4])
    )
    if (E.isLeft(traced)) throw new Error('the layer does not trace')
    expect(traced.right.program.instructions.map(({ op }) => op._tag)).toEqual(['dot', 'broadcast', 'binary'])
  })

  it('refuses an input of another width', () => {
    const params = { weight: doubles([2, 3], [1, 2, 3, 4, 5, 6]), bias: doubles([2], [0, 0]) }
    expect(() => dense(params)(doubles([4], [1, 2, 3, 4]))).toThrow(TensorFault)
  })

  it('has outputs (inputs + 1) parameters', () => {
    expect(countParameters(denseSpec({ inputs: 7, outputs: 5 }))).toBe(40)
  })
})

describe('the derivatives, first and second, of dense', () => {
  it('are contractions: nothing is larger than the weight, the input or the result', () => {
    const loss = ([weight, bias, x]: ReadonlyArray<Tensor>): Tensor => sum()(square(dense({ weight, bias })(x)))
    const traced = trace(grad(loss))([spec([5, 4]), spec([5]), spec([2, 3, 4])])
    if (E.isLeft(traced)) throw new Error('the gradient does not trace')
    const { instructions } = traced.right.program
    expect(instructions.filter(({ op }) => op._tag === 'dot')).toHaveLength(3)
    expect(Math.max(...instructions.map(({ shape }) => sizeOf(shape)))).toBe(2 * 3 * 5)
  })

  it('are those of finite differences, for weight, bias and input', () => {
    const args = fc.record({ weight: tensorOf([3, 2]), bias: tensorOf([3]), x: tensorOf([2, 2, 2]) })
    // Squared, because a product alone has no second derivative in one argument.
    assertGradients(({ x, ...params }) => square(dense(params)(x)), args, { order: 2 })
  })
})
