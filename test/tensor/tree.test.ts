import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { add } from '../../src/tensor/ops/arithmetic.js'
import { scalar } from '../../src/tensor/ops/create.js'
import type { Literal } from '../../src/tensor/literal.js'
import { entries, mapTensors, mapTree, tensorEntries, tensorsOf, unflatten, zipTensors } from '../../src/tensor/tree.js'
import { toScalar } from '../../src/tensor/values.js'
import { faultOf, run } from '../plain.js'

type Numbers = number | ReadonlyArray<Numbers> | { readonly [key: string]: Numbers }

// `unknown` to the type checker, which would follow a recursive type without end.
const numberTrees: fc.Arbitrary<unknown> = fc.letrec<{ tree: Numbers }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.integer(),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'weight'), tie('tree'), { noNullPrototype: true })
  )
})).tree

const isNumber = (x: unknown): x is number => typeof x === 'number'

describe('trees', () => {
  it('mapping the identity changes nothing', () => {
    fc.assert(
      fc.property(numberTrees, (tree) => {
        expect(mapTree(isNumber, (n) => n, tree)).toEqual(tree)
      })
    )
  })

  it('mapping twice is mapping the composition', () => {
    fc.assert(
      fc.property(numberTrees, (tree) => {
        const twice = mapTree(
          isNumber,
          (n) => n * 2,
          mapTree(isNumber, (n) => n + 1, tree)
        )
        expect(twice).toEqual(mapTree(isNumber, (n) => (n + 1) * 2, tree))
      })
    )
  })

  it('mapping sees the leaves in the order of entries, with the same paths', () => {
    fc.assert(
      fc.property(numberTrees, (tree) => {
        const seen: Array<readonly [string, number]> = []
        mapTree(isNumber, (n, path) => seen.push([path, n]), tree)
        expect(seen).toEqual(entries(isNumber, tree))
      })
    )
  })

  it('unflatten puts the leaves back where they were', () => {
    fc.assert(
      fc.property(numberTrees, (tree) => {
        const ofTensors = mapTree(isNumber, (n) => scalar(n), tree)
        const back = unflatten(ofTensors, tensorsOf(ofTensors))
        expect(mapTensors((x) => toScalar(x as Literal), back)).toEqual(tree)
      })
    )
  })

  it('records are walked in the order of their keys, whatever order they were written in', () => {
    const [a, b] = [scalar(1), scalar(2)]
    expect(tensorEntries({ layer: [{ weight: b, bias: a }] })).toEqual([
      ['layer.0.bias', a],
      ['layer.0.weight', b]
    ])
    expect(tensorsOf({ y: b, x: a })).toEqual(tensorsOf({ x: a, y: b }))
    expect(tensorEntries(a)).toEqual([['', a]])
  })

  it('zip combines leaf by leaf', () => {
    const left = { a: scalar(1), b: [scalar(2)] }
    const right = { b: [scalar(20)], a: scalar(10) }
    const sums = zipTensors((x, y) => run(add(y)(x)).values[0], left, right)
    expect(sums).toEqual({ a: 11, b: [22] })
  })

  it('trees of different structure, wrong counts and strange leaves are faults that say where', () => {
    const one = scalar(1)
    type Any = Readonly<Record<string, typeof one>>
    const zip = (a: Any, b: Any): unknown => zipTensors((x) => x, a, b)
    expect(faultOf(() => zip({ a: one, b: one }, { a: one }))).toMatchObject({ found: "a leaf 'b' on the left only" })
    expect(faultOf(() => zip({ a: one }, { a: one, c: one }))).toMatchObject({ found: "a leaf 'c' on the right only" })
    expect(faultOf(() => unflatten({ a: one }, []))).toMatchObject({ op: 'unflatten', found: '0 leaves' })
    expect(faultOf(() => tensorsOf({ a: { b: 'text' } }))).toMatchObject({ op: 'tree', found: `"text" at 'a.b'` })
    expect(faultOf(() => mapTensors((x) => x, { a: null }))).toMatchObject({ found: "null at 'a'" })
  })
})
