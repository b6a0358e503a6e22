import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Data } from '../../../../src/tensor/dtype.js'
import { add, div, mul, sqrt, square, sub } from '../../../../src/tensor/ops/arithmetic.js'
import { sum } from '../../../../src/tensor/ops/reduce.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { PartitionLimits } from '../../../../src/tensor/program/partition/limits.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { deserialise } from '../../../../src/tensor/program/deserialise.js'
import { serialise } from '../../../../src/tensor/program/serialise.js'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import { reference } from '../../../../src/tensor/run/reference/reference.js'
import { inputNode, type Tensor } from '../../../../src/tensor/tensor.js'
import {
  partitionProgram,
  type OutputPiece,
  type Partition
} from '../../../../src/tensor/program/partition/partition.js'
import { programOf } from '../agreement.js'
import { graphs } from '../graphs.js'
import { updates } from './updates.js'

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

/**
 * The outputs of the whole, part by part as a pool of workers computes them: first the measures, then the factors, then the parts, of
 * which any may be at any point when another begins. Outputs take the places of inputs.
 */
const runPartition = (
  { measures, factors, snapshots, parts }: Partition,
  given: ReadonlyArray<Data>,
  program: Program,
  inPlace = 0,
  turns: ReadonlyArray<number> = []
): ReadonlyArray<Data> => {
  const inputs = given.map((data) => data.slice())
  const made = new Map<number, Data>()
  const read = (v: number): Data => {
    const data = v < inputs.length && !isSnapshot.has(v) ? inputs[v] : made.get(v)
    return data ?? expect.fail(`a part reads value ${v}, which nobody has made`)
  }
  const isSnapshot = new Set<number>()
  for (const piece of [...measures, factors])
    run(piece.program, piece.inputs.map(read)).forEach((data, i) => made.set(piece.outputs[i], data.slice()))
  snapshots.forEach((v) => isSnapshot.add(v))

  const outputs = allocateOutputs(program, 'float32').map((data, i) => (i < inPlace ? inputs[i] : data))
  const written = outputs.map(() => 0)
  /** Computing a piece, and then copying it into place. */
  const stepsOf = ({ program: text, inputs: reads, positions, block }: OutputPiece): ReadonlyArray<() => void> => {
    const inBlock = (data: Data): Data =>
      block === undefined || data.length === 1 ? data : data.subarray(block.start, block.start + block.size)
    let computed: ReadonlyArray<Data> = []
    return [
      () => (computed = run(text, reads.map(read).map(inBlock)).map((data) => data.slice())),
      () =>
        computed.forEach((data, i) => {
          const position = positions[i]
          inBlock(outputs[position]).set(data)
          written[position] += data.length
        })
    ]
  }
  const queues = parts.map((pieces) => pieces.flatMap(stepsOf))
  for (let turn = 0; queues.some((queue) => queue.length > 0); turn++) {
    const busy = queues.filter((queue) => queue.length > 0)
    busy[(turns[turn] ?? 0) % busy.length].shift()?.()
  }
  // Each element once; what replaces itself not at all.
  outputs.forEach((data, i) => expect([0, data.length]).toContain(written[i]))
  return outputs
}

const whole = ({ program, inputs }: { readonly program: Program; readonly inputs: ReadonlyArray<Data> }) =>
  run(program, inputs).map((data) => Array.from(data))

/** So low that arrays of a few elements come in several blocks and parts. */
const low = fc.record<PartitionLimits>({
  partBytes: fc.constantFrom(4, 16, 64),
  mostParts: fc.constantFrom(2, 32),
  blockElements: fc.integer({ min: 1, max: 8 }),
  snapshotElements: fc.constantFrom(0, 1, 6, 100)
})

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

describe('a program in parts', () => {
  it('computes what the whole computes, to the bit, each output once', () => {
    fc.assert(
      fc.property(graphs(30), low, (graph, limits) => {
        const program = programOf(graph)
        const found = runPartition(partitionProgram(program, 0, limits), graph.data, program)
        expect(found.map((data) => Array.from(data))).toEqual(whole({ program, inputs: graph.data }))
      }),
      { numRuns: 300 }
    )
  })

  it('computes what the whole computes where outputs take the places of inputs, whoever is first', () => {
    fc.assert(
      fc.property(updates(), low, fc.array(fc.nat({ max: 999 }), { maxLength: 80 }), (update, limits, turns) => {
        const { program, inputs, inPlace } = update
        const partition = partitionProgram(program, inPlace, limits)
        const found = runPartition(partition, inputs, program, inPlace, turns)
        expect(found.map((data) => Array.from(data))).toEqual(whole(update))
      }),
      { numRuns: 1000 }
    )
  })

  it('is programs that can travel: each is what its text says', () => {
    fc.assert(
      fc.property(updates(), low, ({ program, inPlace }, limits) => {
        const { measures, factors, parts } = partitionProgram(program, inPlace, limits)
        for (const piece of [...measures, factors, ...parts.flat()])
          expect(deserialise(serialise(piece.program))).toEqual(E.right(piece.program))
      })
    )
  })

  it('measures each gradient once, and updates a parameter and its moment together', () => {
    const sizes = [96, 32, 7, 64]
    const limits = { partBytes: 128, mostParts: 32, blockElements: 8, snapshotElements: 1 }
    const { measures, factors, parts } = partitionProgram(optimiser(sizes), 0, limits)
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

  it('cuts what is computed element by element to blocks where one array is most of all', () => {
    const sizes = [1029, 3]
    const program = optimiser(sizes)
    const limits = { partBytes: 1024, mostParts: 32, blockElements: 100, snapshotElements: 1 }
    const partition = partitionProgram(program, 0, limits)
    const blocks = partition.parts.flat().flatMap(({ block }) => (block === undefined ? [] : [block]))
    expect(blocks).toHaveLength(11)
    expect(blocks.reduce((sum, { size }) => sum + size, 0)).toBe(sizes[0])
    const inputs = program.inputs.map(({ shape: [n] }, k) =>
      Float32Array.from({ length: n }, (_, i) => Math.sin(i + k))
    )
    const found = runPartition(partition, inputs, program)
    expect(found.map((data) => Array.from(data))).toEqual(whole({ program, inputs }))
  })

  it('keeps swapped arrays together, in blocks where they are large, and reads a number that all read from a copy', () => {
    const [a, b] = ['a', 'b'].map((name) => inputNode(name, [20], 'f32'))
    const scale = inputNode('scale', [], 'f32')
    const outputs = [b, pipe(a, mul(scale)), pipe(scale, mul(2))]
    const { program } = lower(
      outputs.map((tensor, i) => ({ name: String(i), tensor })),
      [a, b, scale]
    )
    const limits = { partBytes: 16, mostParts: 32, blockElements: 5, snapshotElements: 1 }
    const { snapshots, parts } = partitionProgram(program, 3, limits)
    expect(snapshots).toEqual([2])
    expect(parts.flat().map(({ positions, block }) => [positions, block?.start])).toEqual([
      [[0, 1], 0],
      [[0, 1], 5],
      [[0, 1], 10],
      [[0, 1], 15],
      [[2], undefined]
    ])
  })

  it('does nothing for what stays as it is', () => {
    const [a, b] = ['a', 'b'].map((name) => inputNode(name, [4], 'f32'))
    const { program } = lower(
      [a, pipe(a, add(b))].map((tensor, i) => ({ name: String(i), tensor })),
      [a, b]
    )
    const { snapshots, parts } = partitionProgram(program, 2)
    expect([snapshots, parts.flat().map(({ positions }) => positions)]).toEqual([[], [[1]]])
  })

  it('leaves small work whole', () => {
    const { measures, parts } = partitionProgram(optimiser([5, 6]))
    expect([measures.length, parts.length]).toEqual([1, 1])
  })
})
