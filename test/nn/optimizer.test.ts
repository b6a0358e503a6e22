import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaleByAdam, type AdamState } from '../../src/nn/adam.js'
import { clipByGlobalNorm } from '../../src/nn/clip.js'
import { addDecayedWeights } from '../../src/nn/decay.js'
import { andThen, applyUpdates, stateless, type Optimizer } from '../../src/nn/optimizer.js'
import type { Params } from '../../src/nn/params.js'
import { constantRate, descend } from '../../src/nn/schedule.js'
import { add, scalar, TensorFault, type Tensor } from '../../src/tensor/index.js'
import { tensorEntries } from '../../src/tensor/tree.js'
import { tensorOf } from '../../src/testing/index.js'
import { computed, doubles, values } from './double.js'

const flat = (tree: unknown): ReadonlyArray<readonly [string, ReadonlyArray<number>]> =>
  tensorEntries(tree).map(([path, x]) => [path, values(x)])

/** Parameters, and every state, after an optimizer has seen these gradients. */
const trajectory = <S extends object>(
  optimizer: Optimizer<S>,
  start: Params,
  gradients: ReadonlyArray<Params>
): ReadonlyArray<unknown> => {
  const seen: Array<unknown> = []
  let [params, state] = [start, optimizer.init(start)]
  gradients.forEach((gradient, step) => {
    const [updates, next] = optimizer.update(gradient, state, params, { step: scalar(step) })
    params = computed(applyUpdates(params, updates))
    state = computed(next)
    seen.push([flat(params), flat(state)])
  })
  return seen
}

const tree = fc.record({ w: tensorOf([2, 2]), b: fc.record({ bias: tensorOf([2]) }) })
const runs = fc.record({ start: tree, gradients: fc.array(tree, { minLength: 1, maxLength: 3 }) })

const clip = clipByGlobalNorm(1)
const adam = scaleByAdam({ b1: 0.9, b2: 0.999, eps: 1e-6, biasCorrection: false })
const decay = addDecayedWeights(0.01)
const down = descend(constantRate(0.1))
const nothing = stateless((updates) => updates)

describe('andThen', () => {
  it('is associative: parameters and state, bit for bit', () => {
    fc.assert(
      fc.property(runs, ({ start, gradients }) => {
        const left = pipe(pipe(clip, andThen(adam)), andThen(decay), andThen(down))
        const right = pipe(clip, andThen(pipe(adam, andThen(pipe(decay, andThen(down))))))
        expect(trajectory(left, start, gradients)).toEqual(trajectory(right, start, gradients))
      }),
      { numRuns: 30 }
    )
  })

  it('has the optimizer that does nothing as its unit, on both sides', () => {
    fc.assert(
      fc.property(runs, ({ start, gradients }) => {
        const alone = trajectory(adam, start, gradients)
        expect(trajectory(pipe(nothing, andThen(adam)), start, gradients)).toEqual(alone)
        expect(trajectory(pipe(adam, andThen(nothing)), start, gradients)).toEqual(alone)
      }),
      { numRuns: 30 }
    )
  })

  it('names state after the part that keeps it, however deep in the chain', () => {
    const chain = pipe(clip, andThen(adam), andThen(down))
    const paths = flat(chain.init({ w: doubles([1], [1]) })).map(([path]) => path)
    expect(paths).toEqual(['mu.w', 'nu.w'])
  })

  it('hands the first result to the second: clipping before or after a factor differs', () => {
    const double = stateless((updates) => applyUpdates(updates, updates))
    const g = { w: doubles([1], [3]) }
    expect(trajectory(pipe(double, andThen(clip)), { w: doubles([1], [0]) }, [g])).toEqual([[[['w', [1]]], []]])
    expect(trajectory(pipe(clip, andThen(double)), { w: doubles([1], [0]) }, [g])).toEqual([[[['w', [2]]], []]])
  })

  it('refuses two parts that keep state of one name', () => {
    expect(() => pipe(adam, andThen(adam)).init({ w: doubles([1], [1]) })).toThrow(TensorFault)
  })
})

describe('applyUpdates', () => {
  it('adds leaf by leaf', () => {
    const moved: { readonly w: Tensor } = applyUpdates({ w: doubles([2], [1, 2]) }, { w: doubles([2], [10, 20]) })
    expect(values(moved.w)).toEqual([11, 22])
  })

  it('refuses another structure and another shape: parameters do not broadcast', () => {
    const params = { w: doubles([2], [1, 2]) }
    expect(() => applyUpdates(params, { v: doubles([2], [1, 2]) })).toThrow(TensorFault)
    expect(() => applyUpdates(params, { w: doubles([2], [1, 2]), v: doubles([1], [1]) })).toThrow(TensorFault)
    expect(() => applyUpdates(params, { w: doubles([1], [1]) })).toThrow(/^w: /)
    expect(() => add(doubles([1], [1]))(params.w)).not.toThrow()
  })
})

describe('the state of an optimizer', () => {
  it('has the type of its parameters, and goes where that of any parameters is asked for', () => {
    type Layers = { readonly w: Tensor; readonly b: { readonly bias: Tensor } }
    const params: Layers = { w: scalar(1), b: { bias: scalar(2) } }
    const state: AdamState<Layers> = pipe(clip, andThen(adam), andThen(decay)).init(params)
    const [updates, next] = adam.update(params, state, params, { step: scalar(0) })
    const bias: Tensor = next.mu.b.bias
    const any: AdamState = next
    expect([updates.w, bias, any.nu].every((x) => x !== undefined)).toBe(true)
  })
})
