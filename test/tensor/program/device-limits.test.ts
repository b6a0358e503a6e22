import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { resolveConfig } from '../../../src/electra/config/resolve.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { pretrainingPrograms } from '../../../src/electra/pretraining/programs.js'
import { add, exp, matmul, mul, softmax, sum, tanh, transpose, type Tensor } from '../../../src/tensor/index.js'
import { bytesOf } from '../../../src/tensor/program/cost.js'
import type { Costs, DeviceLimits } from '../../../src/tensor/program/device-limits.js'
import { fuse, unfused } from '../../../src/tensor/program/fuse.js'
import {
  operandsOf,
  readsOfFused,
  writesOfFused,
  type FusedLoop,
  type FusedProgram
} from '../../../src/tensor/program/fused.js'
import { keptSteps, passesOf } from '../../../src/tensor/program/passes.js'
import { lifetimesOf, plan } from '../../../src/tensor/program/plan.js'
import type { Program } from '../../../src/tensor/program/program.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { spec, trace } from '../../../src/tensor/program/trace.js'
import { allocateOutputs } from '../../../src/tensor/run/arrays.js'
import type { Multiplier } from '../../../src/tensor/run/multipliers/multiplier.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import * as T from '../../../src/tensor/tensor.js'
import { expectAgreement, expectOutputs, loopsOf, programOf, right } from './agreement.js'
import { graphs, type Graph } from './graphs.js'
import { wideGraphs } from './wide.js'

/** Sizes from which on something is worth it are so low that small cases have them. */
const eager: DeviceLimits = { ...wasmLimits, shortestRow: 2, largeSize: 8, sharedBytes: 8 }

const fusedFor = (limits: DeviceLimits, program: Program): FusedProgram => fuse(schedule(program, limits), limits)

const programFor = (f: (...xs: ReadonlyArray<Tensor>) => unknown, ...shapes: ReadonlyArray<ReadonlyArray<number>>) =>
  right(trace(f)(...shapes.map((shape) => spec(shape)))).program

const boundBy = (loop: FusedLoop): number => new Set([...readsOfFused(loop), ...writesOfFused(loop)]).size

const mostBound = (program: FusedProgram): number => Math.max(0, ...loopsOf(program).map(boundBy))

/** Whether a loop combines across rows, other than by scattering, and works along rows beside that. */
const combinesBesideRowWork = ({ body, stores }: FusedLoop): boolean => {
  const combines = stores.map(({ combine, scatter }) => combine !== undefined && scatter === undefined)
  const usesFolds = body.some((step) => operandsOf(step).some((x) => body[x]._tag === 'fold'))
  return combines.includes(true) && (usesFolds || combines.includes(false))
}

/** Whether a loop scatters, and does something else than that by one index. */
const scattersBesideRowWork = ({ body, stores }: FusedLoop): boolean => {
  const indices = new Set(stores.map(({ scatter }) => scatter?.index))
  const scatters = stores.some(({ scatter }) => scatter !== undefined)
  return scatters && (indices.size > 1 || body.some(({ _tag }) => _tag === 'fold'))
}

// A counterexample is told as it is found: shrinking a graph tries thousands of others, each compiled.
const runs = (numRuns: number): fc.Parameters<unknown> => ({ numRuns, endOnFailure: true })

const anyGraph = fc.oneof(graphs(40), wideGraphs())

const flags = fc.record({ combinesWithRowWork: fc.boolean(), scattersWithRowWork: fc.boolean() })

/** `x0 + x1 + ...` over matrices. */
const sumOfAll = (x: Tensor, ...others: ReadonlyArray<Tensor>): Tensor => others.reduce((all, y) => add(y)(all), x)

const matrices = (n: number) => Array.from({ length: n }, () => [4, 8])

describe.each([4, 8, 10, 16])('where a kernel binds %i buffers', (kernelBuffers) => {
  it('no loop has more, fused or not', () => {
    fc.assert(
      fc.property(anyGraph, flags, (graph, may) => {
        const limits = { ...eager, ...may, kernelBuffers }
        const kernels = schedule(programOf(graph), limits)
        expect(mostBound(unfused(kernels, limits))).toBeLessThanOrEqual(kernelBuffers)
        expect(mostBound(fuse(kernels, limits))).toBeLessThanOrEqual(kernelBuffers)
      }),
      runs(500)
    )
  })

  it('a program computes the same', () => {
    fc.assert(
      fc.property(anyGraph, flags, (graph, may) =>
        expectAgreement(graph, fusedFor({ ...eager, ...may, kernelBuffers }, programOf(graph)))
      ),
      runs(300)
    )
  })

  it('the wasm device computes what the reference does', () => {
    fc.assert(
      fc.property(anyGraph, flags, (graph, may) => {
        const program = programOf(graph)
        const found = allocateOutputs(program, 'float32')
        const device = wasm({ limits: { ...eager, ...may, kernelBuffers } })
        right(right(device.load(program)).run(graph.data, found)())
        expectOutputs(graph, found)
      }),
      runs(60)
    )
  })

  it('a long sum is cut where a loop is full, and no sooner', () => {
    const program = programFor(sumOfAll, ...matrices(30))
    const limits = { ...eager, kernelBuffers }
    // The first loop reads as many arrays as it may, each other one the sum so far and one fewer.
    const loops = 1 + Math.ceil((30 - (kernelBuffers - 1)) / (kernelBuffers - 2))
    expect(fusedFor(limits, program).kernels).toHaveLength(loops)
    expect(mostBound(fusedFor(limits, program))).toBe(kernelBuffers)
  })
})

/** A value that is the same for all or along rows, and seven matrices of its dtype, added up. */
const withSome = (value: Tensor, wants: (of: Tensor, x: Tensor) => ReadonlyArray<Tensor> = () => []): Graph => {
  const { dtype } = value
  const inputs = Array.from({ length: 7 }, (_, i) => T.inputNode(`x${i}`, [4, 4], dtype))
  const of = T.broadcastNode([4, 4], value)
  // It is met last, when all else that is read is known.
  const all = inputs.reduce((x, y) => T.binaryNode('add', x, y), of)
  const outputs = [...wants(of, inputs[0]), all]
  const numbers = Array.from({ length: 16 }, (_, j) => (7 * j) % 16)
  return {
    inputs,
    data: inputs.map(() => (dtype === 'f32' ? Float32Array.from(numbers) : Int32Array.from(numbers))),
    outputs: outputs.map((tensor) => ({ tensor, bound: 1e4, error: 0 }))
  }
}

const three = T.constantNode(3, 'i32')
const coordinate = T.iotaNode([4], 0, 'i32')

/** Rows of 8, every third of their elements: no affine function of where they are then. */
const strewn = T.reshapeNode([4, 4], T.sliceNode([0], [3], [16], T.reshapeNode([56], T.iotaNode([7, 8], 0, 'i32'))))

describe('a value that takes no memory', () => {
  const limits = { ...eager, kernelBuffers: 8 }
  const bound = (graph: Graph): ReadonlyArray<number> => loopsOf(fusedFor(limits, programOf(graph))).map(boundBy)

  it('takes no buffer where it is only computed with', () => {
    expect(bound(withSome(three))).toEqual([8])
    expect(schedule(programOf(withSome(three)), limits).kernels).toHaveLength(1)
  })

  it.each<readonly [string, Graph]>([
    ['a constant that is an output', withSome(three, () => [three])],
    [
      'a constant that is an operand of a product',
      withSome(T.constantNode(3, 'f32'), (of, x) => [
        T.dotNode({ left: [], right: [] }, { left: [1], right: [0] }, of, x)
      ])
    ],
    ['a constant that is looked up in', withSome(T.constantNode(3, 'i32'), (of) => [T.gatherNode(0, of, coordinate)])],
    ['coordinates that are looked up in', withSome(coordinate, (of) => [T.gatherNode(0, of, coordinate)])],
    ['coordinates that no loop computes', withSome(strewn)]
  ])('is counted where somebody wants it in memory: %s', (_, graph) => {
    bound(graph).forEach((buffers) => expect(buffers).toBeLessThanOrEqual(8))
    expectAgreement(graph, fusedFor(limits, programOf(graph)))
  })

  it('is counted in what looks things up, too', () => {
    // Six matrices, the table, the indices, and the result: nine.
    const inputs = Array.from({ length: 8 }, (_, i) => T.inputNode(`x${i}`, [4, 4], 'i32'))
    const indices = T.reshapeNode([4], T.sliceNode([0, 0], [1, 1], [4, 1], inputs[6]))
    const all = inputs.slice(0, 6).reduce((x, y) => T.binaryNode('add', x, y))
    const tensor = T.binaryNode('add', all, T.gatherNode(0, inputs[7], indices))
    const data = inputs.map(() => Int32Array.from({ length: 16 }, (_, j) => (5 * j) % 6))
    const graph = { inputs, data, outputs: [{ tensor, bound: 0, error: 0 }] }
    expect(Math.max(...bound(graph))).toBeLessThanOrEqual(8)
    expectAgreement(graph, fusedFor(limits, programOf(graph)))
  })
})

describe('row work', () => {
  it('stands beside no store that combines across rows, where a device has no such loops', () => {
    fc.assert(
      fc.property(anyGraph, fc.boolean(), (graph, scattersWithRowWork) => {
        const limits = { ...eager, combinesWithRowWork: false, scattersWithRowWork }
        expect(loopsOf(fusedFor(limits, programOf(graph))).some(combinesBesideRowWork)).toBe(false)
      }),
      runs(1500)
    )
  })

  it('stands beside no scatter, where a device has no such loops', () => {
    fc.assert(
      fc.property(anyGraph, fc.boolean(), (graph, combinesWithRowWork) => {
        const limits = { ...eager, combinesWithRowWork, scattersWithRowWork: false }
        expect(loopsOf(fusedFor(limits, programOf(graph))).some(scattersBesideRowWork)).toBe(false)
      }),
      runs(1500)
    )
  })

  /** The shapes of what it is asked about: a softmax and its sums over rows; the gradients of a table and of a sum. */
  const mixed = programFor(
    (x, y) => {
      const p = pipe(x, softmax())
      return [p, pipe(p, mul(y), sum({ axes: 0 }))]
    },
    [64, 32],
    [64, 32]
  )

  it('may stand beside what combines, or is a pass of its own', () => {
    const loops = (combinesWithRowWork: boolean) =>
      loopsOf(fusedFor({ ...wasmLimits, combinesWithRowWork }, mixed)).map(combinesBesideRowWork)
    expect(loops(true)).toEqual([true])
    expect(loops(false)).toEqual([false, false])
  })

  it('takes sums of several arrays over the same rows together, which is none', () => {
    const sums = programFor((x, y) => [x, pipe(x, mul(y))].map(sum({ axes: 0 })), [64, 32], [64, 32])
    const loops = loopsOf(fusedFor({ ...wasmLimits, combinesWithRowWork: false }, sums))
    expect(loops.map(({ stores }) => stores.map(({ combine }) => combine))).toEqual([['sum', 'sum']])
  })

  it('takes scatters by one index together, and by two apart', () => {
    const [i, j] = ['i', 'j'].map((name) => T.inputNode(name, [64], 'i32'))
    const [x, y] = ['x', 'y'].map((name) => T.inputNode(name, [64, 32], 'f32'))
    const program = (by: Tensor) => {
      const outputs = [
        T.scatterAddNode(0, [16, 32], i, x),
        T.scatterAddNode(0, [16, 32], by, T.binaryNode('add', x, y))
      ]
      return programOf({
        inputs: [i, j, x, y],
        data: [],
        outputs: outputs.map((tensor) => ({ tensor, bound: 0, error: 0 }))
      })
    }
    const limits = { ...wasmLimits, scattersWithRowWork: false }
    expect([i, j].map((by) => fusedFor(limits, program(by)).kernels.length)).toEqual([1, 2])
    expect(fusedFor(wasmLimits, program(j)).kernels).toHaveLength(1)
  })

  it('makes the reduced axis the row where a sum is stored beside what it is of, though another were better', () => {
    // Of the operands neighbours in the other axis lie side by side.
    const both = programFor(
      (x, y) => {
        const z = pipe(x, mul(y), transpose, exp)
        return [z, pipe(z, sum({ axes: 1 }))]
      },
      [64, 64],
      [64, 64]
    )
    const loops = (combinesWithRowWork: boolean) =>
      loopsOf(fusedFor({ ...wasmLimits, combinesWithRowWork }, both)).map(combinesBesideRowWork)
    expect(loops(true)).toEqual([true])
    expect(loops(false)).toEqual([false])
  })
})

describe('random bits', () => {
  const key = T.inputNode('key', [2], 'u32')
  const zeros = T.concatNode(
    0,
    [0, 1].map((word) => T.broadcastNode([1], T.constantNode(word, 'u32')))
  )
  const drawn = T.randomBitsNode([64, 64], key, zeros)
  const few = T.unaryNode('not', T.randomBitsNode([7], key, zeros))
  const outputs = [T.unaryNode('not', drawn), T.reduceNode('max', [1], drawn), few]
  const program = programOf({
    inputs: [key],
    data: [],
    outputs: outputs.map((tensor) => ({ tensor, bound: 0, error: 0 }))
  })
  const drawnIn = (drawsInLoops: boolean) => {
    const { kernels, buffers } = fusedFor({ ...wasmLimits, drawsInLoops }, program)
    return {
      stored: kernels.flatMap((kernel) => (kernel._tag === 'random' ? [kernel.size] : [])),
      large: buffers.slice(4).filter(({ size }) => size >= wasmLimits.largeSize)
    }
  }

  it('have no buffer where loops draw them, but where they are few', () => {
    expect(drawnIn(true)).toEqual({ stored: [7], large: [] })
    expect(drawnIn(false)).toEqual({ stored: [4096, 7], large: [{ dtype: 'u32', size: 4096 }] })
  })
})

describe('the programs of pre-training', () => {
  it.each(['nano', 'tiny'] as const)('of %s are within eight buffers, with nothing beside what adds up', (preset) => {
    const config = right(resolveConfig({ extends: preset }))
    const [{ step, evaluation }] = right(
      pretrainingPrograms(config, objectiveOf(config, drawnPieces(1000)), 100)
    ).stages
    const limits = { ...wasmLimits, kernelBuffers: 8, combinesWithRowWork: false, scattersWithRowWork: false }
    for (const { program } of [step.shardGrad, step.update, evaluation]) {
      const fused = fusedFor(limits, program)
      expect(mostBound(fused)).toBe(8)
      expect(loopsOf(fused).filter(combinesBesideRowWork)).toEqual([])
      expect(loopsOf(fused).filter(scattersBesideRowWork)).toEqual([])
    }
  })
})

describe('what a device states', () => {
  const sizes = [64, 64]
  const kernels = (limits: DeviceLimits, program: Program): number => fusedFor(limits, program).kernels.length
  /** How many kernels a function of matrices comes to with one limit and with another. */
  const apart = (
    a: Partial<DeviceLimits>,
    b: Partial<DeviceLimits>,
    f: (...xs: ReadonlyArray<Tensor>) => unknown,
    ...shapes: ReadonlyArray<ReadonlyArray<number>>
  ): ReadonlyArray<number> => [a, b].map((limits) => kernels({ ...wasmLimits, ...limits }, programFor(f, ...shapes)))

  it('is how many operations and steps a body has, and how many buffers', () => {
    const f = (x: Tensor, y: Tensor): Tensor => pipe(x, mul(y), add(x), exp)
    const none = { inlinedSteps: 0, joinedSteps: 0 }
    expect(apart({}, none, f, sizes, sizes)).toEqual([1, 3])
    expect(apart({ inlinedSteps: 0 }, { inlinedSteps: 2, joinedSteps: 0 }, f, sizes, sizes)).toEqual([1, 2])
    // Two arrays, and what is stored and loaded again in between.
    expect(
      apart({ inlinedSteps: 0, joinedBuffers: 5 }, { inlinedSteps: 0, joinedBuffers: 4 }, f, sizes, sizes)
    ).toEqual([1, 2])
  })

  it('is how many buffers are left where others have vanished', () => {
    const f = (x: Tensor): Tensor => pipe(x, exp, tanh, exp, tanh, exp)
    expect(apart({ inlinedSteps: 0, kernelBuffers: 4 }, { joinedBuffers: 4, inlinedSteps: 0 }, f, sizes)).toEqual([
      1, 2
    ])
  })

  it('is from which size on a value is computed twice, and an array loaded once', () => {
    const twice = (x: Tensor): ReadonlyArray<Tensor> => {
      const y = pipe(x, mul(2))
      return [pipe(y, sum({ axes: 0 })), pipe(y, sum({ axes: 1 }))]
    }
    const apartOf = (...largeSizes: ReadonlyArray<number>) =>
      largeSizes.map((largeSize) => schedule(programFor(twice, sizes), { ...wasmLimits, largeSize }).kernels.length)
    expect(apartOf(4096, 4097)).toEqual([2, 3])
    const siblings = (x: Tensor): ReadonlyArray<Tensor> => [pipe(x, exp), pipe(x, tanh)]
    expect(apart({ sharedBytes: 4 * 4096 }, { sharedBytes: 4 * 4096 + 1 }, siblings, sizes)).toEqual([1, 2])
  })

  it('is how long a row must be for work that is done once per row', () => {
    const f = (x: Tensor, perRow: Tensor): Tensor => pipe(x, mul(pipe(perRow, exp)))
    expect(apart({ shortestRow: 5 }, { shortestRow: 6 }, f, [64, 5], [64, 1])).toEqual([1, 2])
  })

  /** The extents of the one loop of a function of matrices, of which the last is its row. */
  const extents = (
    limits: Partial<DeviceLimits>,
    f: (...xs: ReadonlyArray<Tensor>) => unknown,
    ...shapes: ReadonlyArray<ReadonlyArray<number>>
  ) => loopsOf(fusedFor({ ...wasmLimits, ...limits }, programFor(f, ...shapes)))[0].extents

  it('is how wide vectors are and what accesses cost, which decides on the row', () => {
    const f = (x: Tensor, y: Tensor): Tensor => pipe(y, transpose, add(x))
    expect(extents({ lanes: 4 }, f, [8, 3], [3, 8])).toEqual([8, 3])
    expect(extents({ lanes: 8 }, f, [8, 3], [3, 8])).toEqual([3, 8])
    expect(extents({ costs: { ...wasmLimits.costs, strided: 1 } }, f, [8, 3], [3, 8])).toEqual([3, 8])
    const columns = (x: Tensor): Tensor => pipe(x, sum({ axes: 0 }))
    expect(extents({}, columns, [16, 32])).toEqual([16, 32])
    expect(extents({ costs: { ...wasmLimits.costs, combined: 100 } }, columns, [16, 32])).toEqual([32, 16])
  })

  it('is from which cost on a value is kept for a later walk along the row', () => {
    const [loop] = loopsOf(
      fusedFor(
        wasmLimits,
        programFor((x) => pipe(x, tanh, softmax()), [8, 64])
      )
    )
    const kept = (costs: Partial<Costs>): number => keptSteps(passesOf(loop, { ...wasmLimits.costs, ...costs })).length
    expect(kept({ recomputed: 1000 })).toBe(0)
    expect(kept({ recomputed: 6 })).toBeGreaterThan(0)
    expect(kept({ dear: 1 })).toBe(0)
  })

  it('is how many bytes a bool takes, and where arrays begin', () => {
    const program = programFor(
      (x, y) => {
        const isLess = T.compareNode('lt', x, y)
        return [pipe(T.castNode('f32', isLess), matmul(x)), T.castNode('f32', T.permuteNode([1, 0], isLess))]
      },
      ...[sizes, sizes]
    )
    const limits = { ...wasmLimits, joinedSteps: 0, inlinedSteps: 0 }
    const fused = fusedFor(limits, program)
    const bools = fused.buffers.flatMap(({ dtype }, buffer) => (dtype === 'bool' ? [buffer] : []))
    const bytesWith = (boolBytes: 1 | 4) =>
      lifetimesOf(fused, { ...limits, boolBytes }).flatMap(({ buffer, bytes }) =>
        bools.includes(buffer) ? [bytes] : []
      )
    expect([bytesWith(1), bytesWith(4)]).toEqual([[4096], [16384]])
    const [compare] = loopsOf(fused)
    expect(
      [1, 4].map((boolBytes) => bytesOf(compare, fused, { ...limits, boolBytes: boolBytes === 1 ? 1 : 4 }))
    ).toEqual([2 * 16384 + 4096, 2 * 16384 + 16384])
    const { offsets, arenaBytes } = plan(fused, { ...limits, alignment: 32768 })
    for (const place of [arenaBytes, ...offsets]) expect((place ?? 0) % 32768).toBe(0)
    expect(arenaBytes).toBeGreaterThan(0)
  })

  it('is that of a wasm device, which has no panels where it waits for its multiplier', () => {
    expect(wasm().limits).toEqual(wasmLimits)
    const later: Multiplier<'async'> = {
      name: 'later',
      timing: 'async',
      prepare: () => E.right(() => () => Promise.resolve(E.right(undefined))),
      release: () => Promise.resolve()
    }
    expect(wasm({ multiplier: later }).limits).toEqual({ ...wasmLimits, panels: undefined })
  })
})

describe('limits that cannot be', () => {
  const program = programFor((x, y) => add(x)(y), [4], [4])

  it('are refused: a select reads three arrays and writes one', () => {
    const limits = { ...wasmLimits, kernelBuffers: 3 }
    expect(wasm({ limits }).load(program)).toEqual(
      E.left({ _tag: 'Unsupported', device: 'wasm', found: '3 buffers a kernel', expected: '4 at least' })
    )
    expect(() => schedule(program, limits)).toThrow('3 buffers a kernel, 4 at least')
  })
})
