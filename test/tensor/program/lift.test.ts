import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import {
  add,
  broadcastTo,
  clip,
  div,
  ge,
  full,
  lt,
  matmul,
  maximum,
  mul,
  pow,
  sub,
  sum,
  tanh,
  wasm,
  where,
  type Tensor
} from '../../../src/tensor/index.js'
import type { Data } from '../../../src/tensor/dtype.js'
import { liftNumbers } from '../../../src/tensor/program/lift.js'
import type { Program } from '../../../src/tensor/program/program.js'
import { spec, trace } from '../../../src/tensor/program/trace.js'
import { allocateOutputs } from '../../../src/tensor/run/arrays.js'
import type { Device } from '../../../src/tensor/run/device.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { right } from './agreement.js'
import { graphs } from './graphs.js'
import { programOf } from './agreement.js'

const steps: ReadonlyArray<(n: number) => (x: Tensor) => Tensor> = [
  (n) => add(n),
  (n) => sub(n),
  (n) => (x) => sub(x)(full([], n)),
  (n) => mul(n),
  (n) => div(n),
  (n) => (x) => div(x)(full([1, 5], n)),
  (n) => (x) => where(lt(n)(x), n)(x),
  (n) => (x) => where(ge(n)(x), x)(full([4, 5], n)),
  (n) => pow(n),
  (n) => maximum(n),
  (n) => clip(-1, n),
  (n) => (x) => pipe(x, mul(n), sum({ axes: [1], keepDims: true }), broadcastTo([4, 5])),
  (n) => (x) => pipe(full([4, 4], n), matmul(x)),
  () => tanh
]

const numbers = fc.oneof(
  fc.integer({ min: -30, max: 30 }).map((i) => i / 10),
  fc.constantFrom(NaN, Infinity, -Infinity, 0, -0, 1, 2 ** -140, 2 ** 24 + 1, 1e300)
)

const chains = fc.array(fc.tuple(fc.nat(steps.length - 1), numbers), { minLength: 1, maxLength: 12 })

const chain =
  (all: ReadonlyArray<readonly [number, number]>) =>
  (x: Tensor): Tensor =>
    all.reduce((y, [step, n]) => steps[step](n)(y), x)

const ran = (device: Device<'sync'>, program: Program, inputs: ReadonlyArray<Data>): ReadonlyArray<Data> => {
  const outputs = allocateOutputs(program, device.floats)
  right(right(device.load(program)).run(inputs, outputs)())
  return outputs
}

const wide = (data: Data): Data => (data instanceof Float32Array ? Float64Array.from(data) : data)

/** That a program and the same with lifted numbers give the same bits. */
const expectSame = (program: Program, inputs: ReadonlyArray<Data>): void => {
  const { program: lifted, numbers: found } = liftNumbers(program)
  const last = found.length > 0 ? [Float64Array.from(found)] : []
  const devices = [wasm(), reference({ floats: 'float32' }), reference({ floats: 'float64' })]
  for (const device of devices) {
    const given = device.floats === 'float64' ? inputs.map(wide) : inputs
    const more = device.floats === 'float64' ? last : last.map((x) => Float32Array.from(x))
    expect(ran(device, lifted, [...given, ...more])).toEqual(ran(device, program, given))
  }
}

const traced = (f: (x: Tensor) => Tensor): Program => right(trace(f)(spec([4, 5]))).program

const structure = (f: (x: Tensor) => Tensor): Program => liftNumbers(traced(f)).program

describe('lifting the numbers of a program', () => {
  it('changes no bit of what it computes', () => {
    const x = Float32Array.from({ length: 20 }, (_, i) => (i - 9) / 4)
    fc.assert(fc.property(chains, (all) => expectSame(traced(chain(all)), [x])))
    fc.assert(
      fc.property(graphs(12), (graph) => expectSame(programOf(graph), graph.data)),
      { numRuns: 30 }
    )
  })

  it('makes one program of expressions that differ in the numbers of arithmetic, comparisons and choices alone', () => {
    const elementwise = (all: ReadonlyArray<number>) => (x: Tensor) => all.reduce((y, n, i) => steps[i % 8](n)(y), x)
    const distinct = fc.uniqueArray(
      fc.integer({ min: 8, max: 99 }).map((i) => i / 7),
      { minLength: 12, maxLength: 12 }
    )
    fc.assert(
      fc.property(distinct, distinct, fc.integer({ min: 1, max: 12 }), (a, b, n) => {
        const [one, other] = [a, b].map((all) => structure(elementwise(all.slice(0, n))))
        expect(one).toEqual(other)
        expect(one.instructions.every(({ op }) => op._tag !== 'constant')).toBe(true)
      })
    )
  })

  it.each<[string, (n: number) => (x: Tensor) => Tensor]>([
    ['the exponent of a power', pow],
    ['the bound of a clip', (n) => clip(-100, n)],
    ['an operand of a product of matrices', (n) => (x) => pipe(full([4, 4], n), matmul(x))],
    ['what is an output as well', (n) => () => full([4, 5], n)]
  ])('leaves %s where it is', (_, f) => {
    const program = traced(f(3))
    expect(liftNumbers(program)).toEqual({ program, numbers: [] })
  })

  it('leaves a program of more numbers than it may lift as it is', () => {
    const program = traced((x) => pipe(x, add(3), mul(5), sub(7)))
    expect(liftNumbers(program, 2)).toEqual({ program, numbers: [] })
    expect(liftNumbers(program, 3).numbers).toEqual([3, 5, 7])
  })
})
