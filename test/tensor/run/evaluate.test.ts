import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  add,
  exp,
  fromLiteral,
  matmul,
  mul,
  reshape,
  scalar,
  sum,
  tensor,
  toNested,
  toScalar,
  toTypedArray,
  type Multiplier,
  type Multiply,
  type Tensor
} from '../../../src/tensor/index.js'
import type { Program } from '../../../src/tensor/program/program.js'
import type { Device, HostDevice } from '../../../src/tensor/run/device.js'
import { evaluate, evaluateAll, evaluateTask } from '../../../src/tensor/run/evaluate.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { naive } from './naive.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { inputNode } from '../../../src/tensor/tensor.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

/** The reference device, and every program that was loaded on it. */
const watched = (): { readonly device: Device<'sync'>; readonly loaded: Array<Program> } => {
  const device = reference({ floats: 'float32' })
  const loaded: Array<Program> = []
  return {
    loaded,
    device: {
      ...device,
      load: (program) => {
        loaded.push(program)
        return device.load(program)
      }
    }
  }
}

describe('evaluating', () => {
  it('gives a tree of literals of the same structure', () => {
    const x = tensor([1, 2, 3])
    const values = right(evaluateAll(reference({ floats: 'float32' }))({ twice: mul(2)(x), rest: [sum()(x), x] }))
    expect(toNested(values.twice)).toEqual([2, 4, 6])
    expect(toNested(values.rest[0])).toBe(6)
    expect(values.rest[1]).toBe(x)
  })

  it('remembers results: what was evaluated is not computed again, nor is what it was made of', () => {
    const { device, loaded } = watched()
    const valueOf = evaluate(device)
    const y = exp(tensor([0, 1]))
    const first = right(valueOf(y))
    expect(right(valueOf(y))).toBe(first)
    expect(loaded).toHaveLength(1)
    right(valueOf(add(1)(y)))
    expect(loaded).toHaveLength(2)
    expect(loaded[1].instructions.some(({ op }) => op._tag === 'unary')).toBe(false)
  })

  it('keeps programs by structure: other numbers in the same expression load nothing', () => {
    const { device, loaded } = watched()
    const valueOf = evaluate(device)
    const results = [1, 2, 3].map((n) => toScalar(right(valueOf(exp(mul(scalar(n))(scalar(0.5)))))))
    expect(loaded).toHaveLength(1)
    results.forEach((y, i) => expect(y).toBe(Math.fround(Math.exp((i + 1) * 0.5))))
  })

  it('loads one program for expressions that differ only in the numbers of element-wise arithmetic', () => {
    const { device, loaded } = watched()
    const valueOf = evaluate(device)
    const x = tensor([1, 2])
    for (const n of [0.1, 0.2, 3]) expect(right(valueOf(mul(n)(x)))).toEqual(right(evaluate(device)(mul(scalar(n))(x))))
    expect(loaded.filter(({ inputs }) => inputs.some(({ name }) => name === 'numbers'))).toHaveLength(1)
  })

  it('keeps as many programs as it is told, those used last', () => {
    const { device, loaded } = watched()
    const valueOf = evaluate(device, { programs: 2 })
    const ofSize = (n: number): void => void right(valueOf(exp(tensor(new Float32Array(n)))))
    for (const n of [1, 2, 1, 3, 1, 2]) ofSize(n)
    expect(loaded.map(({ inputs: [{ shape }] }) => shape[0])).toEqual([1, 2, 3, 2])
  })

  it('keeps double precision from one evaluation to the next on a device that has it', () => {
    const valueOf = evaluate(reference({ floats: 'float64' }))
    const third = right(valueOf(mul(scalar(1 / 3))(tensor([1]))))
    expect(fromLiteral(third).data).toEqual(Float64Array.of(1 / 3))
  })

  it('takes nothing of the memory of a device that can do without', () => {
    const taken = () => {
      throw new Error('memory was taken')
    }
    const device: HostDevice<'sync'> = { ...reference({ floats: 'float32' }), memory: taken, allocate: taken }
    expect(toNested(right(evaluate(device)(mul(2)(tensor([1, 2])))))).toEqual([2, 4])
  })

  it('rounds double values where the device holds single ones', () => {
    const valueOf = evaluate(reference({ floats: 'float32' }))
    expect(toScalar(right(valueOf(reshape([])(tensor(new Float64Array([1 / 3]))))))).toBe(Math.fround(1 / 3))
  })

  it('is a task for callers that take any device', async () => {
    const evaluated = await evaluateTask(reference({ floats: 'float32' }))({ x: add(1)(tensor([1])) })()
    expect(toNested(right(evaluated).x)).toEqual([2])
  })

  it('returns a Left for a tree that holds something else than tensors', () => {
    expect(E.isLeft(evaluateAll(reference({ floats: 'float32' }))({ x: 'text' }))).toBe(true)
  })

  it('cannot be asked of a placeholder, which has no value', () => {
    expect(evaluate(reference({ floats: 'float32' }))(inputNode('x', [2], 'f32'))).toEqual(
      E.left({
        _tag: 'InvalidArgument',
        op: 'lower',
        found: "the placeholder 'x'",
        expected: 'tensors with values, or given inputs'
      })
    )
  })

  it('of two tensors at once, by one program on an asynchronous device, mixes nothing up', async () => {
    // A multiplier that is late, so that a second run begins while the first one waits.
    const slow: Multiplier<'async'> = {
      ...naive,
      timing: 'async',
      prepare: (contraction) =>
        E.map((multiply: Multiply<'sync'>) => (...operands: Parameters<Multiply<'sync'>>) => async () => {
          await new Promise((later) => setTimeout(later, 5))
          return multiply(...operands)()
        })(naive.prepare(contraction))
    }
    const valueOf = evaluate(wasm({ multiplier: slow }))
    const square = (n: number): Tensor =>
      exp(matmul(exp(tensor([n, 0, 0, n], { shape: [2, 2] })))(tensor([1, 0, 0, 1], { shape: [2, 2] })))
    const together = await Promise.all([valueOf(square(0.5))(), valueOf(square(-1))()])
    const apart = [right(await valueOf(square(0.5))()), right(await valueOf(square(-1))())]
    together.forEach((found, i) => expect(toNested(right(found))).toEqual(toNested(apart[i])))
    const expected = (n: number) => Math.exp(Math.fround(Math.exp(n)))
    together.forEach((found, i) => expect(toTypedArray(right(found))[0]).toBeCloseTo(expected([0.5, -1][i]), 5))
  })
})
