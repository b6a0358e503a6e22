import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  adjustLossScale,
  dynamicLossScaling,
  initialLossScale,
  selectTree,
  unscale,
  type LossScale,
  type LossScaling
} from '../../src/nn/loss-scale.js'
import { scalar, tensor, type Tensor } from '../../src/tensor/index.js'
import { attempt } from '../../src/tensor/program/trace.js'
import { tensorsOf } from '../../src/tensor/tree.js'
import { singleValues } from './double.js'

const power = fc.integer({ min: 0, max: 24 }).map((n) => 2 ** n)

/** What the scale is after each step, one program a step. */
const found = (scaling: LossScaling, steps: ReadonlyArray<boolean>): ReadonlyArray<readonly [number, number]> => {
  let at: LossScale = { finiteSteps: scalar(0), scale: initialLossScale(scaling) }
  return steps.map((isFinite) => {
    const next = adjustLossScale(scaling)(scalar(isFinite))(at)
    const [finiteSteps, scale] = [singleValues(next.finiteSteps)[0], singleValues(next.scale)[0]]
    at = { finiteSteps: scalar(finiteSteps), scale: scalar(scale) }
    return [scale, finiteSteps] as const
  })
}

/** The same by the rule as it is told. */
const expected = (
  { initialScale, growthInterval, maxScale }: LossScaling,
  steps: ReadonlyArray<boolean>
): ReadonlyArray<readonly [number, number]> => {
  let [scale, inARow] = [initialScale, 0]
  return steps.map((isFinite) => {
    inARow = isFinite ? inARow + 1 : 0
    if (!isFinite) scale = Math.max(1, scale / 2)
    else if (inARow === growthInterval) {
      scale = Math.min(maxScale, scale * 2)
      inARow = 0
    }
    return [scale, inARow] as const
  })
}

describe('a loss scale', () => {
  const scalings = fc
    .record({ a: power, b: power, growthInterval: fc.integer({ min: 1, max: 5 }) })
    .map(({ a, b, growthInterval }) => ({ initialScale: Math.min(a, b), maxScale: Math.max(a, b), growthInterval }))

  it('doubles after so many finite steps in a row, up to the largest, and halves after one that is not, down to 1', () => {
    fc.assert(
      fc.property(scalings, fc.array(fc.boolean(), { maxLength: 20 }), (scaling, steps) => {
        expect(found(scaling, steps)).toEqual(expected(scaling, steps))
      }),
      {
        examples: [
          [{ initialScale: 8, maxScale: 16, growthInterval: 2 }, new Array<boolean>(7).fill(true)],
          [{ initialScale: 4, maxScale: 16, growthInterval: 2 }, new Array<boolean>(5).fill(false)]
        ]
      }
    )
  })

  it('begins as large as it is told, where that is a power of two', () => {
    expect(singleValues(initialLossScale(dynamicLossScaling))).toEqual([65536])
    expect(singleValues(initialLossScale({ ...dynamicLossScaling, initialScale: 1 }))).toEqual([1])
    for (const initialScale of [0, 0.5, 3, 2 ** 128, NaN, 2 ** 25])
      expect(attempt(() => initialLossScale({ ...dynamicLossScaling, initialScale }))).toMatchObject(
        E.left({ _tag: 'InvalidArgument', found: String(initialScale) })
      )
  })
})

const special = [NaN, Infinity, -Infinity, 0, -0, 1, -1.5, 2 ** -149, 3e38]

const bits = (tree: unknown): ReadonlyArray<number> =>
  tensorsOf(tree).flatMap((x) => [...new Uint32Array(Float32Array.from(singleValues(x)).buffer)])

const treeOf = (xs: ReadonlyArray<number>): { readonly a: Tensor; readonly b: ReadonlyArray<Tensor> } => ({
  a: tensor(Float32Array.from(xs)),
  b: [scalar(xs[0])]
})

describe('unscale', () => {
  it('undoes a multiplication by the scale, to the last bit', () => {
    fc.assert(
      // Products of neither end are rounded.
      fc.property(power, fc.array(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), { minLength: 1 }), (scale, xs) => {
        const grads = treeOf(xs)
        expect(bits(unscale({ scale: scalar(scale) })(treeOf(xs.map((x) => x * scale))))).toEqual(bits(grads))
      })
    )
  })
})

describe('selectTree', () => {
  it('is one tree or the other, bit by bit, whatever stands in the one that is not chosen', () => {
    const values = fc.array(fc.constantFrom(...special), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(fc.boolean(), values, values, (condition, xs, ys) => {
        const chosen = selectTree(scalar(condition, 'bool'), treeOf(ys))(treeOf(xs))
        expect(bits(chosen)).toEqual(bits(treeOf(condition ? xs : ys)))
      })
    )
  })
})
