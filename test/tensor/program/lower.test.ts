import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  add,
  concat,
  cos,
  exp,
  expandDims,
  mul,
  neg,
  reshape,
  scalar,
  sub,
  sum,
  tensor,
  transpose
} from '../../../src/tensor/index.js'
import { lower } from '../../../src/tensor/program/lower.js'
import { printProgram } from '../../../src/tensor/program/print.js'
import type { Program } from '../../../src/tensor/program/program.js'
import { attempt, spec, trace } from '../../../src/tensor/program/trace.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { allocateOutputs } from '../../../src/tensor/run/arrays.js'
import { barrierNode, inputNode, type Tensor } from '../../../src/tensor/tensor.js'
import { graphs, type Graph } from './graphs.js'

const programOf = (...outputs: ReadonlyArray<Tensor>): Program =>
  lower(
    outputs.map((x, i) => ({ name: String(i), tensor: x })),
    [x0]
  ).program

const x0 = inputNode('x', [2, 3], 'f32')

/** Every node again, each behind a reshape that changes nothing: the same values from another graph. */
const graphProgram = ({ inputs, outputs }: Graph): Program =>
  lower(
    outputs.map(({ tensor: x }, i) => ({ name: String(i), tensor: x })),
    inputs
  ).program

const bitsOf = (program: Program, graph: Graph): ReadonlyArray<ReadonlyArray<number>> => {
  const device = reference({ floats: 'float32' })
  const loaded = device.load(program)
  if (E.isLeft(loaded)) throw new Error('the reference device refused a program')
  const outputs = allocateOutputs(program, 'float32')
  const ran = loaded.right.run(graph.data, outputs)()
  if (E.isLeft(ran)) throw new Error(JSON.stringify(ran.left))
  return outputs.map((data) => Array.from(data))
}

describe('lowering', () => {
  it('computes equal expressions once', () => {
    const program = programOf(pipe(exp(x0), mul(exp(x0))), exp(x0))
    expect(program.instructions.map(({ op }) => op._tag)).toEqual(['unary', 'binary'])
  })

  it('leaves out what no output needs', () => {
    cos(x0)
    expect(programOf(exp(x0)).instructions).toHaveLength(1)
  })

  it('keeps apart what a barrier separates', () => {
    const again = exp(barrierNode(x0, exp(x0)))
    expect(programOf(pipe(exp(x0), mul(again))).instructions.filter(({ op }) => op._tag === 'unary')).toHaveLength(2)
  })

  it('tells -0 from 0, and one NaN is like another', () => {
    const zeros = programOf(add(0)(x0), add(-0)(x0)).instructions.filter(({ op }) => op._tag === 'constant')
    expect(zeros).toHaveLength(2)
    const nans = programOf(add(NaN)(x0), mul(NaN)(x0)).instructions.filter(({ op }) => op._tag === 'constant')
    expect(nans).toHaveLength(1)
  })

  it('makes literals inputs, each once, and none of its arrays part of the program', () => {
    const known = tensor([1, 2, 3])
    const { program, captured } = lower([{ name: '', tensor: pipe(x0, mul(known), add(known), mul(scalar(2))) }], [x0])
    expect(captured).toHaveLength(2)
    expect(captured).toContain(known)
    expect(program.inputs.map(({ name }) => name)).toEqual(['x', 'captured0', 'captured1'])
  })

  it('takes known values in place of nodes, and does not look behind them', () => {
    const expensive = exp(x0)
    const value = tensor([
      [1, 2, 3],
      [4, 5, 6]
    ])
    const { program } = lower([{ name: '', tensor: neg(expensive) }], [], (x) => (x === expensive ? value : undefined))
    expect(printProgram(program)).toBe('%0: f32[2, 3] = input captured0\n%1: f32[2, 3] = neg %0\nreturn %1')
  })

  it('undoes movements and arithmetic that change nothing', () => {
    const same = pipe(
      x0,
      transpose,
      transpose,
      reshape([6]),
      reshape([2, 3]),
      mul(1),
      neg,
      neg,
      sub(0),
      expandDims(0),
      reshape([2, 3])
    )
    const program = programOf(same, concat(0)([x0]), sum({ axes: [] })(x0))
    expect(program.instructions).toEqual([])
    expect(program.outputs.map(({ value }) => value)).toEqual([0, 0, 0])
  })

  it('gives programs of 100,000 nodes in a row without recursion', () => {
    let x: Tensor = x0
    for (let i = 0; i < 100_000; i++) x = i % 2 === 0 ? exp(x) : cos(x)
    expect(programOf(x).instructions).toHaveLength(100_000)
  })

  it('numbers every value before it is used, and uses every value', () => {
    fc.assert(
      fc.property(graphs(), (graph) => {
        const program = graphProgram(graph)
        const first = program.inputs.length
        const used = new Set(program.outputs.map(({ value }) => value))
        program.instructions.forEach(({ inputs }, i) => {
          inputs.forEach((v) => {
            expect(v).toBeLessThan(first + i)
            used.add(v)
          })
        })
        program.instructions.forEach((_, i) => expect(used).toContain(first + i))
      }),
      { numRuns: 50 }
    )
  })

  it('gives the same bits whether or not a program was lowered through its own outputs again', () => {
    fc.assert(
      fc.property(graphs(), (graph) => {
        const once = graphProgram(graph)
        // Every output behind an addition of -0, which changes no bit and hinders every rewriting of what is above it.
        const hidden = graph.outputs.map(({ tensor: x, ...known }) => ({
          ...known,
          tensor: x.dtype === 'f32' ? add(-0)(x) : x
        }))
        expect(bitsOf(graphProgram({ ...graph, outputs: hidden }), graph)).toEqual(bitsOf(once, graph))
      }),
      { numRuns: 50 }
    )
  })
})

describe('tracing', () => {
  it('names inputs by argument and path, and outputs by path', () => {
    const traced = trace((params: { readonly w: Tensor; readonly b: ReadonlyArray<Tensor> }, y: Tensor) => ({
      sum: pipe(params.w, add(params.b[0]), add(y))
    }))({ w: spec([2]), b: [spec([2])] }, spec([]))
    if (E.isLeft(traced)) throw new Error('the trace failed')
    expect(traced.right.program.inputs.map(({ name }) => name)).toEqual(['0.b.0', '0.w', '1'])
    expect(traced.right.program.outputs.map(({ name }) => name)).toEqual(['sum'])
  })

  it('returns the mistake of the operation that does not fit', () => {
    expect(trace((a: Tensor, b: Tensor) => add(b)(a))(spec([2]), spec([3]))).toEqual(
      E.left({ _tag: 'ShapeMismatch', op: 'add', shapes: [[2], [3]] })
    )
  })

  it('passes on what is no mistake of an expression', () => {
    expect(() =>
      attempt(() => {
        throw new RangeError('ours')
      })
    ).toThrow(RangeError)
  })
})
