import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Data } from '../../../../src/tensor/dtype.js'
import { add, div, mul, sqrt, square, sub } from '../../../../src/tensor/ops/arithmetic.js'
import { sum } from '../../../../src/tensor/ops/reduce.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import { reference } from '../../../../src/tensor/run/reference.js'
import { inputNode, type Tensor } from '../../../../src/tensor/tensor.js'
import { partitionProgram, type Partition } from '../../../../src/tensor/program/partition/partition.js'
import { programOf } from '../agreement.js'
import { graphs } from '../graphs.js'

const device = reference({ floats: 'float32' })

const run = (program: Program, inputs: ReadonlyArray<Data>): ReadonlyArray<Data> => {
  const outputs = allocateOutputs(program, 'float32')
  const ran = pipe(
    device.load(program),
    E.chain((executable) => executable.run(inputs, outputs)())
  )
  expect(ran).toEqual(E.right(undefined))
  return outputs
}

const joined = (a: Data | undefined, b: Data): Data => {
  const both = new Float32Array((a?.length ?? 0) + b.length)
  both.set(a ?? [])
  both.set(b, a?.length ?? 0)
  return both
}

/** The outputs of the whole, part by part. */
const runPartition = (
  { measures, factors, parts }: Partition,
  inputs: ReadonlyArray<Data>
): ReadonlyArray<Data | undefined> => {
  const known = new Map(inputs.map((data, v) => [v, data]))
  const read = (v: number): Data => known.get(v) ?? expect.fail(`a part reads value ${v}, which nobody has made`)
  for (const part of [...measures, factors])
    run(part.program, part.inputs.map(read)).forEach((data, i) => known.set(part.outputs[i], data))
  const found: Array<Data | undefined> = []
  const filled = new Map<number, number>()
  for (const part of parts.flat()) {
    const { block } = part
    const inBlock = (data: Data): Data =>
      block === undefined || data.length === 1 ? data : data.subarray(block.start, block.start + block.size)
    run(part.program, part.inputs.map(read).map(inBlock)).forEach((data, i) => {
      const position = part.positions[i]
      if (block === undefined) {
        expect(found[position]).toBeUndefined()
        found[position] = data
        return
      }
      // Blocks of one output follow one another.
      expect(filled.get(position) ?? 0).toBe(block.start)
      filled.set(position, block.start + block.size)
      found[position] = joined(found[position], data)
    })
  }
  return found
}

/** Adam's shape: moments and parameters of several sizes, all scaled by one global norm. */
const optimiser = (sizes: ReadonlyArray<number>): Program => {
  const named = (what: string): ReadonlyArray<Tensor> => sizes.map((n, i) => inputNode(`${what}${i}`, [n], 'f32'))
  const [params, moments, grads] = ['p', 'm', 'g'].map(named)
  const norm = pipe(
    grads.map((g) => pipe(g, square, sum())).reduce((total, squares) => pipe(total, add(squares))),
    sqrt
  )
  const next = moments.map((m, i) => pipe(m, mul(0.9), add(pipe(grads[i], div(norm)))))
  const outputs = [...next, ...params.map((p, i) => pipe(p, sub(pipe(next[i], mul(0.1))))), norm]
  return lower(
    outputs.map((tensor, i) => ({ name: String(i), tensor })),
    [...params, ...moments, ...grads]
  ).program
}

describe('a cut program', () => {
  it('computes what the whole computes, to the bit, each output once', () => {
    fc.assert(
      fc.property(graphs(30), (graph) => {
        const program = programOf(graph)
        expect(runPartition(partitionProgram(program), graph.data)).toEqual(run(program, graph.data))
      }),
      { numRuns: 300 }
    )
  })

  it('measures each gradient once, and updates a parameter and its moment together', () => {
    const sizes = [3 * 2 ** 20, 2 ** 20, 7, 2 ** 21]
    const { measures, factors, parts } = partitionProgram(optimiser(sizes))
    expect(measures.flatMap(({ outputs }) => outputs)).toHaveLength(sizes.length)
    expect(measures.length).toBeGreaterThan(1)
    expect(parts.length).toBeGreaterThan(2)
    for (const { positions } of parts.flat())
      for (const i of positions) if (i < sizes.length) expect(positions).toContain(i + sizes.length)
    // The norm is put together from its measures once, and nobody squares a gradient again.
    expect(factors.outputs).toHaveLength(1)
    for (const { program } of parts.flat())
      expect(program.instructions.every(({ op }) => op._tag !== 'reduce')).toBe(true)
  })

  it('cuts what is computed element by element to blocks where one array is most of all, and computes the same', () => {
    const sizes = [2 ** 21 + 5, 3]
    const program = optimiser(sizes)
    const { parts } = partitionProgram(program)
    const blocks = parts.flat().flatMap(({ block }) => (block === undefined ? [] : [block]))
    expect(blocks.length).toBeGreaterThan(2)
    expect(blocks.reduce((sum, { size }) => sum + size, 0)).toBe(sizes[0])
    const inputs = program.inputs.map(({ shape: [n] }, k) =>
      Float32Array.from({ length: n }, (_, i) => Math.sin(i + k))
    )
    const found = runPartition(partitionProgram(program), inputs)
    run(program, inputs).forEach((expected, i) => {
      expect(found[i]?.length).toBe(expected.length)
      expect(expected.findIndex((value, at) => found[i]?.[at] !== value)).toBe(-1)
    })
  })

  it('leaves small work whole', () => {
    const { measures, parts } = partitionProgram(optimiser([5, 6]))
    expect([measures.length, parts.length]).toEqual([1, 1])
  })
})
