import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eqLiteral, integerRing, showLiteral } from '../../src/tensor/instances.js'
import { literal } from '../../src/tensor/literal.js'
import { add, mul } from '../../src/tensor/ops/arithmetic.js'
import { tensor } from '../../src/tensor/ops/create.js'
import { show } from '../../src/tensor/show.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { anyTensor, broadcastablePair, elements, reals, shapes, tensorsOf } from '../arbitraries.js'
import { literalOf, run, type Plain } from '../plain.js'

describe('eqLiteral', () => {
  // Few shapes and values, so that equal tensors are common.
  const few = fc
    .tuple(fc.constantFrom<'f32' | 'i32'>('f32', 'i32'), shapes({ maxRank: 2, maxExtent: 1 }))
    .chain(([dtype, shape]) => tensorsOf(shape, dtype, dtype === 'f32' ? fc.constantFrom(0, -0, NaN) : fc.constant(0)))
    .map(literalOf)

  it('is reflexive, also for NaN and between copies', () => {
    fc.assert(
      fc.property(anyTensor(), (x) => {
        expect(eqLiteral.equals(literalOf(x), literalOf(x))).toBe(true)
      })
    )
    expect(eqLiteral.equals(tensor([NaN]), tensor([NaN]))).toBe(true)
  })

  it('is symmetric and transitive', () => {
    fc.assert(
      fc.property(few, few, few, (a, b, c) => {
        expect(eqLiteral.equals(a, b)).toBe(eqLiteral.equals(b, a))
        if (eqLiteral.equals(a, b) && eqLiteral.equals(b, c)) expect(eqLiteral.equals(a, c)).toBe(true)
      }),
      { numRuns: 500 }
    )
  })

  it('tells a changed element, another dtype, another shape and -0 apart', () => {
    const changed = anyTensor({ minExtent: 1 }).chain((x) =>
      fc.tuple(fc.constant(x), fc.nat({ max: x.values.length - 1 }), elements[x.dtype])
    )
    fc.assert(
      fc.property(changed, ([x, i, value]) => {
        const values = x.values.map((v, j) => (j === i ? value : v))
        expect(eqLiteral.equals(literalOf(x), literalOf({ ...x, values }))).toBe(Object.is(value, x.values[i]))
      })
    )
    expect(eqLiteral.equals(tensor([0]), tensor([-0]))).toBe(false)
    expect(eqLiteral.equals(tensor([0]), tensor([0], { dtype: 'i32' }))).toBe(false)
    expect(eqLiteral.equals(tensor([[0]]), tensor([0]))).toBe(false)
  })

  it('compares values, not how they are held', () => {
    expect(eqLiteral.equals(tensor(Float64Array.of(0.5)), tensor([0.5]))).toBe(true)
    expect(eqLiteral.equals(tensor(Float64Array.of(0.1)), tensor([0.1]))).toBe(false)
  })
})

describe('showLiteral', () => {
  it('shows equal literals alike', () => {
    fc.assert(
      fc.property(anyTensor(), (x) => {
        expect(showLiteral.show(literalOf(x))).toBe(show(literalOf(x)))
      })
    )
  })
})

describe.each<'i32' | 'u32'>(['i32', 'u32'])('integerRing of %s', (dtype) => {
  const triples = shapes({ maxRank: 3 }).chain((shape) =>
    fc.tuple(tensorsOf(shape, dtype), tensorsOf(shape, dtype), tensorsOf(shape, dtype))
  )

  const law = (
    sides: (
      ring: ReturnType<typeof integerRing>,
      a: Tensor,
      b: Tensor,
      c: Tensor
    ) => readonly [left: Tensor, right: Tensor]
  ): void =>
    fc.assert(
      fc.property(triples, (all) => {
        const [a, b, c] = all.map(literalOf)
        const [left, right] = sides(integerRing(dtype, a.shape), a, b, c)
        expect(run(left)).toEqual(run(right))
      })
    )

  it('adds associatively', () => law((r, a, b, c) => [r.add(r.add(a, b), c), r.add(a, r.add(b, c))]))
  it('adds commutatively', () => law((r, a, b) => [r.add(a, b), r.add(b, a)]))
  it('has a zero', () => law((r, a) => [r.add(a, r.zero), a]))
  it('has negatives', () => law((r, a) => [r.add(a, r.sub(r.zero, a)), r.zero]))
  it('subtracts by adding the negative', () => law((r, a, b) => [r.sub(a, b), r.add(a, r.sub(r.zero, b))]))
  it('multiplies associatively', () => law((r, a, b, c) => [r.mul(r.mul(a, b), c), r.mul(a, r.mul(b, c))]))
  it('multiplies commutatively', () => law((r, a, b) => [r.mul(a, b), r.mul(b, a)]))
  it('has a one', () => law((r, a) => [r.mul(r.one, a), a]))
  it('distributes', () => law((r, a, b, c) => [r.mul(a, r.add(b, c)), r.add(r.mul(a, b), r.mul(a, c))]))
})

describe('what holds for f32', () => {
  it('add and mul commute bit for bit', () => {
    fc.assert(
      fc.property(broadcastablePair('f32'), ([x, y]) => {
        const [a, b] = [literalOf(x), literalOf(y)]
        expect(run(add(b)(a))).toEqual(run(add(a)(b)))
        expect(run(mul(b)(a))).toEqual(run(mul(a)(b)))
      })
    )
  })

  it('x + 0 and 1 x are x, but -0 + 0 is 0', () => {
    fc.assert(
      fc.property(
        tensorsOf(
          [5],
          'f32',
          reals().map((v) => v + 0)
        ),
        (x) => {
          expect(run(add(0)(literalOf(x)))).toEqual(x)
          expect(run(mul(1)(literalOf(x)))).toEqual(x)
        }
      )
    )
    expect(run(add(0)(tensor([-0]))).values).toEqual([0])
    expect(run(mul(1)(tensor([-0]))).values).toEqual([-0])
  })

  it('sums in two orders differ by no more than their roundings, and do differ', () => {
    const n = 12
    const u = 2 ** -24
    const inOrder = (terms: ReadonlyArray<number>): number =>
      run(terms.map((t) => literal([], 'f32', [t])).reduce<Tensor>((sum, t) => add(t)(sum), tensor(0))).values[0]
    const cases = tensorsOf([n]).chain((x: Plain) =>
      fc.tuple(fc.constant(x.values), fc.shuffledSubarray([...x.values], { minLength: n }))
    )
    fc.assert(
      fc.property(cases, ([terms, shuffled]) => {
        const size = terms.reduce((sum, t) => sum + Math.abs(t), 0)
        const bound = (2 * (n - 1) * u * size) / (1 - (n - 1) * u)
        expect(Math.abs(inOrder(terms) - inOrder(shuffled))).toBeLessThanOrEqual(bound)
      })
    )
    expect(inOrder([1, 2 ** -24, 2 ** -24])).not.toBe(inOrder([2 ** -24, 2 ** -24, 1]))
  })
})
