import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad, hessianVectorProduct, valueAndGrad } from '../../../src/autodiff/index.js'
import { dropout, gelu, layerNorm, softmaxCrossEntropy } from '../../../src/nn/index.js'
import type { Reduction } from '../../../src/tensor/elementwise.js'
import { add, concat, matmul, mul, softmax, sum, tanh, type Tensor } from '../../../src/tensor/index.js'
import { fuse, unfused } from '../../../src/tensor/program/fuse.js'
import {
  readsOfFused,
  writesOfFused,
  type FusedKernel,
  type FusedLoop,
  type FusedProgram
} from '../../../src/tensor/program/fused.js'
import type { Kernel, KernelProgram, LoopStep } from '../../../src/tensor/program/kernel.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { spec, trace } from '../../../src/tensor/program/trace.js'
import { sizeOf } from '../../../src/tensor/shape.js'
import * as T from '../../../src/tensor/tensor.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { expectAgreement, loopsOf, programOf, right } from './agreement.js'
import { graphs, type Graph } from './graphs.js'

/** The fused program of a function of tensors of these shapes. */
const fusedOf = (
  f: (...xs: ReadonlyArray<Tensor>) => unknown,
  ...shapes: ReadonlyArray<ReadonlyArray<number>>
): FusedProgram => {
  return fuse(schedule(right(trace(f)(...shapes.map((shape) => spec(shape, 'f32')))).program, wasmLimits), wasmLimits)
}

const foldsOf = (loop: FusedLoop): ReadonlyArray<string> =>
  loop.body.flatMap((step) => (step._tag === 'fold' ? [step.fn] : []))

/** That every kernel reads what is written by then, and nothing that it writes. Gives what is written in the end. */
const expectOrder = ({ inputs, kernels }: FusedProgram): ReadonlySet<number> => {
  const written = new Set(Array.from({ length: inputs }, (_, i) => i))
  for (const kernel of kernels) {
    const reads = readsOfFused(kernel)
    reads.forEach((buffer) => expect(written.has(buffer)).toBe(true))
    writesOfFused(kernel).forEach((buffer) => {
      expect(reads).not.toContain(buffer)
      written.add(buffer)
    })
  }
  return written
}

type Knot = { readonly kind: 'alike' | 'across' | 'product'; readonly x: number; readonly y: number }

/**
 * Kernels that read any two of the matrices before theirs: alike, one of them also across (then they cannot be one loop),
 * or as a product. Large enough for loops to join that only read the same.
 */
const meshOf = (all: ReadonlyArray<Knot>): KernelProgram => ({
  inputs: 2,
  outputs: all.length,
  buffers: Array.from({ length: all.length + 2 }, () => ({ dtype: 'f32', size: 32 * 32 })),
  kernels: all.map(({ kind, x, y }, k): Kernel => {
    const [left, right, out] = [x % (k + 2), y % (k + 2), k + 2]
    if (kind === 'product') {
      const matrix = { offset: 0, batch: [], row: 32, column: 1 }
      const contraction = { batch: [], m: 32, n: 32, k: 32, left: matrix, right: matrix }
      return { _tag: 'contraction', left, right, out, contraction }
    }
    const load = (buffer: number, ...strides: ReadonlyArray<number>): LoopStep => ({
      _tag: 'load',
      dtype: 'f32',
      buffer,
      at: { offset: 0, strides }
    })
    const add = (x: number, y: number): LoopStep => ({ _tag: 'binary', dtype: 'f32', fn: 'add', x, y })
    const alike = [load(left, 32, 1), load(right, 32, 1), add(0, 1)]
    return {
      _tag: 'loop',
      extents: [32, 32],
      reduce: undefined,
      body: kind === 'alike' ? alike : [...alike, load(right, 1, 32), add(2, 3)],
      out: { buffer: out, at: { offset: 0, strides: [32, 1] } }
    }
  })
})

const knots: fc.Arbitrary<ReadonlyArray<Knot>> = fc.array(
  fc.record({ kind: fc.constantFrom<Knot['kind']>('alike', 'across', 'product'), x: fc.nat(), y: fc.nat() }),
  { minLength: 1, maxLength: 16, size: 'max' }
)

describe('fusing', () => {
  it('does not change what a program computes', () => {
    fc.assert(
      fc.property(graphs(), (graph) =>
        expectAgreement(graph, fuse(schedule(programOf(graph), wasmLimits), wasmLimits))
      ),
      { numRuns: 2000 }
    )
  })

  it('is a choice: every kernel on its own computes the same', () => {
    fc.assert(
      fc.property(graphs(), (graph) =>
        expectAgreement(graph, unfused(schedule(programOf(graph), wasmLimits), wasmLimits))
      )
    )
  })

  it('does not take a part of a reduction for the whole, where what it goes into is then walked by other axes', () => {
    const extent = fc.integer({ min: 2, max: 9 })
    const axes = fc.constantFrom([0], [1], [2], [0, 1], [0, 2], [1, 2])
    const fns = fc.constantFrom<Reduction>('sum', 'max', 'min')
    fc.assert(
      fc.property(fc.tuple(extent, extent, extent), fns, axes, fns, (shape, inner, kept, outer) => {
        const x = T.inputNode('x', shape, 'i32')
        const whole = T.broadcastNode(shape, T.reduceNode(inner, [0, 1, 2], x))
        const product = T.binaryNode('mul', x, whole)
        const outputs = [product, T.reduceNode(outer, kept, product)]
        const graph: Graph = {
          inputs: [x],
          data: [Int32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * i) % 23) - 7)],
          outputs: outputs.map((tensor) => ({ tensor, bound: 0, error: 0 }))
        }
        expectAgreement(graph, fuse(schedule(programOf(graph), wasmLimits), wasmLimits))
      })
    )
  })

  it('writes before it reads, and never what it reads', () => {
    fc.assert(
      fc.property(graphs(40), (graph) => {
        const program = fuse(schedule(programOf(graph), wasmLimits), wasmLimits)
        const { inputs, outputs, buffers } = program
        const written = expectOrder(program)
        // Every buffer is there for a reason, and every output with elements is written.
        buffers.forEach(({ size }, b) => expect(written.has(b) || (b < inputs + outputs && size === 0)).toBe(true))
      })
    )
  })

  it('finds an order for kernels that read one another in whatever way', () => {
    // The first and the fourth read the first input: joined, they run after the third, and so does the second.
    const turned: ReadonlyArray<Knot> = [
      { kind: 'alike', x: 0, y: 0 },
      { kind: 'product', x: 2, y: 2 },
      { kind: 'alike', x: 1, y: 1 },
      { kind: 'across', x: 0, y: 4 },
      { kind: 'alike', x: 4, y: 3 }
    ]
    expect(fuse(meshOf(turned), wasmLimits).kernels.map(writesOfFused)).toEqual([[4], [2, 5], [3], [6]])
    fc.assert(
      fc.property(knots, (all) => void expectOrder(fuse(meshOf(all), wasmLimits))),
      { numRuns: 1000, examples: [[turned]] }
    )
  })

  it('looks at about as many nodes for each of a program of any size', () => {
    const unrolled =
      (n: number) =>
      (w: Tensor, x: Tensor): Tensor =>
        grad((v: Tensor) => sum()(Array.from({ length: n }).reduce((h: Tensor) => tanh(matmul(v)(h)), x)))(w)
    const joined = (n: number) => (w: Tensor, x: Tensor) =>
      concat(0)(Array.from({ length: n }, (_, i) => pipe(x, mul(i), matmul(w), tanh)))
    // As an encoder and a decoder: each step of the second half reads one of the first, in the same order.
    const halves = (n: number) => (w: Tensor, x: Tensor) => {
      const next = (h: Tensor): Tensor => tanh(matmul(w)(h))
      const down = Array.from({ length: n }).reduce<ReadonlyArray<Tensor>>(
        (all) => [...all, next(all[all.length - 1])],
        [x]
      )
      return down.reduce((h, kept) => add(kept)(next(h)), down[n])
    }
    // Each step of the backward pass joins one of the forward pass, on which the rest of that pass depends.
    const curved = (n: number) => (w: Tensor, x: Tensor) =>
      hessianVectorProduct((v: Tensor) =>
        sum()(Array.from({ length: n }).reduce((h: Tensor) => tanh(matmul(v)(h)), x))
      )(w, w)
    for (const f of [unrolled, joined, halves, curved]) {
      const looksEach = (n: number): number => {
        let looks = 0
        fuse(schedule(right(trace(f(n))(spec([4, 4]), spec([2, 4]))).program, wasmLimits), wasmLimits, () => looks++)
        return looks / n
      }
      expect(looksEach(256)).toBeLessThan(looksEach(64) * 1.25)
    }
  })

  it('does what nobody waits for as soon as it can, so that nothing is kept for its sake', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), (depth) => {
        const gradients = (...[x, ...weights]: ReadonlyArray<Tensor>): unknown =>
          grad((all: ReadonlyArray<Tensor>) => sum()(all.reduce((y, w) => tanh(matmul(w)(y)), x)))(weights)
        const shapes = Array.from({ length: depth + 1 }, () => [8, 8])
        const { inputs, outputs, kernels } = fusedOf(gradients, ...shapes)
        const isTemporary = (buffer: number): boolean => buffer >= inputs + outputs
        const isLast = (k: number): boolean => !writesOfFused(kernels[k]).some(isTemporary)
        const isFor = (k: number) => (kernel: FusedKernel) =>
          readsOfFused(kernels[k]).some((buffer) => writesOfFused(kernel).includes(buffer))
        const lasts = kernels.flatMap((_, k) => (isLast(k) ? [k] : []))
        expect(lasts).toHaveLength(depth)
        for (const k of lasts) {
          const ready = kernels.slice(0, k).findLastIndex(isFor(k))
          for (let between = ready + 1; between < k; between++) expect(isLast(between)).toBe(true)
        }
      })
    )
  })

  it('makes one pass of a softmax', () => {
    const loops = loopsOf(fusedOf(softmax(-1), [32, 16, 64]))
    expect(loops.map(({ extents }) => extents)).toEqual([[512, 64]])
    expect(foldsOf(loops[0])).toEqual(['max', 'sum'])
    expect(loops[0].stores).toHaveLength(1)
  })

  it('makes one pass of bias, dropout, residual and layer norm', () => {
    const f = (x: Tensor, residual: Tensor, bias: Tensor, weight: Tensor, key: Tensor): Tensor =>
      pipe(x, add(bias), add(residual), layerNorm({ eps: 1e-12 })({ weight, bias: key }))
    const loops = loopsOf(fusedOf(f, [8, 16, 64], [8, 16, 64], [64], [64], [64]))
    expect(loops.map(({ extents }) => extents)).toEqual([[128, 64]])
    expect(foldsOf(loops[0])).toEqual(['sum', 'sum'])
  })

  it('makes one pass of a layer norm’s gradient, those of its parameters and of a bias before it included', () => {
    const f = (x: Tensor, bias: Tensor, weight: Tensor, shift: Tensor, ct: Tensor): Tensor =>
      pipe(x, add(bias), layerNorm({ eps: 1e-12 })({ weight, bias: shift }), mul(ct), sum())
    const gradients = (...xs: ReadonlyArray<Tensor>) =>
      grad((at: ReadonlyArray<Tensor>) => f(at[0], at[1], at[2], at[3], xs[4]))(xs)
    const loops = loopsOf(fusedOf(gradients, [128, 64], [64], [64], [64], [128, 64]))
    const backward = loops.filter(({ stores }) => stores.some(({ combine }) => combine !== undefined))
    expect(backward).toHaveLength(1)
    expect(backward[0].stores.filter(({ combine }) => combine === 'sum')).toHaveLength(3)
    expect(loops.length).toBeLessThanOrEqual(2)
  })

  it('saves no pass where that would walk rows across memory', () => {
    // The sum of two column sums could be made where they are, if columns were rows.
    const f = (x: Tensor, y: Tensor): Tensor =>
      pipe(x, mul(y), tanh, sum({ axes: 0 }), add(pipe(x, add(y), tanh, sum({ axes: 0 }))))
    const large = loopsOf(fusedOf(f, [2048, 64], [2048, 64])).filter(({ extents }) => extents.length > 1)
    expect(large.map(({ extents }) => extents)).toEqual([[2048, 64]])
  })

  it('makes one pass of a cross-entropy and its gradient', () => {
    const traced = trace((logits: Tensor, labels: Tensor, weights: Tensor) =>
      valueAndGrad((x: Tensor) => pipe(x, softmaxCrossEntropy(labels), mul(weights), sum()))(logits)
    )(spec([32, 500], 'f32'), spec([32], 'i32'), spec([32], 'f32'))
    const loops = loopsOf(fuse(schedule(right(traced).program, wasmLimits), wasmLimits))
    expect(loops.filter(({ extents }) => extents.at(-1) === 500)).toHaveLength(1)
  })

  it('keeps one array of an activation between the passes, beside its result', () => {
    const f = (x: Tensor, w: Tensor, v: Tensor, bias: Tensor) =>
      grad((at: { readonly w: Tensor; readonly v: Tensor; readonly bias: Tensor }) =>
        pipe(x, matmul(at.w), add(at.bias), gelu, matmul(at.v), tanh, sum())
      )({ w, v, bias })
    const program = fusedOf(f, [64, 64], [64, 256], [256, 64], [256])
    const forward = loopsOf(program).filter(({ body }) => body.some((step) => 'fn' in step && step.fn === 'erf'))
    expect(forward.map(({ stores }) => stores.length)).toEqual([2])
  })

  it('draws no more bits than it keeps: a mask is stored as bools', () => {
    const f = (x: Tensor, key: Tensor) => grad((at: Tensor) => pipe(at, dropout({ rate: 0.1, key }), mul(at), sum()))(x)
    const traced = trace(f)(spec([64, 64], 'f32'), spec([2], 'u32'))
    const program = fuse(schedule(right(traced).program, wasmLimits), wasmLimits)
    expect(loopsOf(program).filter(({ extents }) => extents.length === 1 && extents[0] === 4096)).toHaveLength(1)
  })
})
