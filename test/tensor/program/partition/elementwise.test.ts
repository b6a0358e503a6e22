import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { add, div, exp, gt, mul, where } from '../../../../src/tensor/ops/arithmetic.js'
import { transpose } from '../../../../src/tensor/ops/movement.js'
import { sum } from '../../../../src/tensor/ops/reduce.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import { reference } from '../../../../src/tensor/run/reference/reference.js'
import { inputNode, type Tensor } from '../../../../src/tensor/tensor.js'
import { elementwiseSize, ofLength } from '../../../../src/tensor/program/partition/elementwise.js'
import { blocksOf } from '../../../../src/tensor/program/partition/runs.js'

const programOf = (inputs: ReadonlyArray<Tensor>, ...outputs: ReadonlyArray<Tensor>): Program =>
  lower(
    outputs.map((tensor, i) => ({ name: String(i), tensor })),
    inputs
  ).program

const shape = [6, 35]
const [x, y, rate] = [inputNode('x', shape, 'f32'), inputNode('y', shape, 'f32'), inputNode('rate', [], 'f32')]
const row = inputNode('row', [35], 'f32')
const step = pipe(x, add(pipe(exp(y), mul(rate))))
const update = programOf([x, y, rate], step, pipe(x, where(pipe(step, gt(y)), pipe(y, div(3)))))

describe('programs that compute element by element', () => {
  it('are known by the number of their elements', () => {
    expect(elementwiseSize(update)).toBe(210)
  })

  it.each<readonly [string, Program]>([
    ['a sum', programOf([x], pipe(x, sum({ axes: 0 })))],
    ['a small output', programOf([x, rate], exp(x), exp(rate))],
    ['a permutation', programOf([x], transpose(x))],
    ['two sizes', programOf([x, row], exp(x), exp(row))],
    ['a row for all rows', programOf([x, row], pipe(x, add(row)))]
  ])('are not those with %s', (_, program) => {
    expect(elementwiseSize(program)).toBeUndefined()
  })

  it('give in blocks, of any number, what they give whole', () => {
    const device = reference({ floats: 'float32' })
    const run = (program: Program, inputs: ReadonlyArray<Float32Array>) => {
      const outputs = allocateOutputs(program, 'float32')
      const ran = pipe(
        device.load(program),
        E.chain((executable) => executable.run(inputs, outputs)())
      )
      expect(ran).toEqual(E.right(undefined))
      return outputs.map((out) => Array.from(out))
    }
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 250 }), fc.integer({ min: 0, max: 99 }), (length, seed) => {
        const [a, b] = [1, 2].map((n) => Float32Array.from({ length: 210 }, (__, i) => Math.sin(n * i + seed)))
        const scalar = Float32Array.of(0.3)
        const blocks = blocksOf(210, length).map(({ start, size }) =>
          run(ofLength(update, size), [a.subarray(start, start + size), b.subarray(start, start + size), scalar])
        )
        expect([0, 1].map((i) => blocks.flatMap((block) => block[i]))).toEqual(run(update, [a, b, scalar]))
      })
    )
  })
})
