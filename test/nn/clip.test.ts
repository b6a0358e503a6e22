import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clipByGlobalNorm, globalNorm } from '../../src/nn/clip.js'
import { scalar } from '../../src/tensor/index.js'
import { tensorsOf } from '../../src/tensor/tree.js'
import { distance, doubles, real, reals, rounding, values } from './double.js'

const trees = fc
  .record({ a: reals(6), b: reals(1) })
  .map(({ a, b }) => ({ a: doubles([2, 3], a), b: [doubles([], b)] }))

const flat = (tree: unknown): ReadonlyArray<number> => tensorsOf(tree).flatMap(values)
const norm = (xs: ReadonlyArray<number>): number => Math.sqrt(xs.reduce((s, x) => s + x * x, 0))
const clip = (max: number, tree: ReturnType<typeof scalar> | { readonly a: ReturnType<typeof scalar> }) =>
  flat(clipByGlobalNorm(max).update(tree, {}, tree, { step: scalar(0) })[0])

describe('globalNorm', () => {
  it('is the Euclidean norm of all elements together', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        expect(distance(values(globalNorm(tree)), [norm(flat(tree))])).toBeLessThan(rounding)
      })
    )
  })

  it('of no tensors is 0', () => {
    expect(values(globalNorm({}))).toEqual([0])
  })
})

describe('clipByGlobalNorm', () => {
  it('leaves a norm of at most max, and the direction', () => {
    fc.assert(
      fc.property(trees, real(1, 400), (tree, max) => {
        const [before, after] = [flat(tree), clip(max, tree)]
        expect(norm(after)).toBeLessThanOrEqual(max * (1 + rounding))
        const scale = Math.min(1, max / norm(before))
        expect(
          distance(
            after,
            before.map((x) => (x === 0 ? 0 : x * scale))
          )
        ).toBeLessThan(rounding)
      })
    )
  })

  it('changes no bit of updates within max', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const before = flat(tree)
        fc.pre(norm(before) > 0)
        expect(clip(norm(before) * 1.001, tree)).toEqual(before)
      })
    )
  })

  it('leaves zeros as they are, and divides nothing by 0', () => {
    expect(clip(1, { a: doubles([2], [0, 0]) })).toEqual([0, 0])
  })
})
