import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { readsOf, writeOf, type Affine, type KernelProgram, type LoopStep } from '../../../src/tensor/program/kernel.js'
import { lower } from '../../../src/tensor/program/lower.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { add, div, erf, exp, maximum, mul, sub } from '../../../src/tensor/ops/arithmetic.js'
import { einsum } from '../../../src/tensor/ops/einsum.js'
import { matmul } from '../../../src/tensor/ops/contract.js'
import { take } from '../../../src/tensor/ops/gather.js'
import { permute, reshape, slice, transpose } from '../../../src/tensor/ops/movement.js'
import { softmax, sum } from '../../../src/tensor/ops/reduce.js'
import { sizeOf, type Shape } from '../../../src/tensor/shape.js'
import { inputNode, type Tensor } from '../../../src/tensor/tensor.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { graphs, type Graph } from './graphs.js'

const f32 = (name: string, shape: Shape): Tensor => inputNode(name, shape, 'f32')

const kernelsOf = (inputs: ReadonlyArray<Tensor>, ...outputs: ReadonlyArray<Tensor>): KernelProgram =>
  schedule(
    lower(
      outputs.map((tensor, i) => ({ name: String(i), tensor })),
      inputs
    ).program,
    wasmLimits
  )

const scheduled = ({ inputs, outputs }: Graph): KernelProgram =>
  kernelsOf(inputs, ...outputs.map(({ tensor }) => tensor))

const tags = (program: KernelProgram): ReadonlyArray<string> => program.kernels.map((k) => k._tag)

/** The least and greatest place that an affine function reaches. */
const range = (extents: Shape, { offset, strides }: Affine): readonly [number, number] => [
  offset,
  extents.reduce((sum, d, axis) => sum + (d - 1) * strides[axis], offset)
]

describe('schedule', () => {
  it('never makes a kernel that writes what it reads, or reads what nobody wrote', () => {
    fc.assert(
      fc.property(graphs(), (graph) => {
        const program = scheduled(graph)
        const written = new Set(program.buffers.map((_, b) => b).filter((b) => b < program.inputs))
        for (const kernel of program.kernels) {
          const reads = readsOf(kernel)
          expect(reads).not.toContain(writeOf(kernel))
          reads.filter((b) => program.buffers[b].size > 0).forEach((b) => expect(written).toContain(b))
          expect(writeOf(kernel)).toBeGreaterThanOrEqual(program.inputs)
          written.add(writeOf(kernel))
        }
        // Every output with elements is written.
        for (let b = program.inputs; b < program.inputs + program.outputs; b++)
          if (program.buffers[b].size > 0) expect(written).toContain(b)
      })
    )
  })

  it('never reaches outside a buffer', () => {
    fc.assert(
      fc.property(graphs(), (graph) => {
        const program = scheduled(graph)
        const within = (buffer: number, extents: Shape, at: Affine, more = 0): void => {
          const [least, greatest] = range(extents, at)
          expect(least).toBeGreaterThanOrEqual(0)
          expect(greatest + more).toBeLessThan(program.buffers[buffer].size)
        }
        const body = (steps: ReadonlyArray<LoopStep>, extents: Shape): void =>
          steps.forEach((step) => {
            if (step._tag === 'load') within(step.buffer, extents, step.at)
            if (step._tag === 'lookup' && step.extent > 0)
              within(step.buffer, extents, step.at, (step.extent - 1) * step.stride)
          })
        for (const kernel of program.kernels) {
          if (kernel._tag === 'loop') {
            body(kernel.body, [...kernel.extents, ...(kernel.reduce?.extents ?? [])])
            within(kernel.out.buffer, kernel.extents, kernel.out.at)
          }
          if (kernel._tag === 'scatter') {
            body(kernel.body, kernel.extents)
            if (kernel.extent > 0)
              within(kernel.out.buffer, kernel.extents, kernel.out.at, (kernel.extent - 1) * kernel.stride)
          }
          if (kernel._tag === 'contraction') {
            const { batch, m, n, k, left, right } = kernel.contraction
            within(kernel.left, [...batch, m, k], {
              offset: left.offset,
              strides: [...left.batch, left.row, left.column]
            })
            within(kernel.right, [...batch, k, n], {
              offset: right.offset,
              strides: [...right.batch, right.row, right.column]
            })
            expect(sizeOf([...batch, m, n])).toBe(program.buffers[kernel.out].size)
          }
        }
      })
    )
  })

  it('is plain data', () => {
    fc.assert(
      fc.property(graphs(), (graph) => {
        const program = scheduled(graph)
        expect(structuredClone(program)).toEqual(program)
      }),
      { numRuns: 20 }
    )
  })

  it('computes an element-wise chain in one kernel', () => {
    const x = f32('x', [4, 5])
    const bias = f32('bias', [5])
    const y = add(bias)(x)
    // The exact GELU: y is used twice, but by one kernel at one place.
    const gelu = pipe(y, mul(Math.SQRT1_2), erf, add(1), mul(0.5), mul(y))
    expect(tags(kernelsOf([x, bias], gelu))).toEqual(['loop'])
  })

  it('computes through transposes and slices without copies', () => {
    const x = f32('x', [4, 6])
    const y = pipe(x, exp, transpose, slice([[1, 5], null]), reshape([2, 2, 4]), mul(2))
    const program = kernelsOf([x], y)
    expect(tags(program)).toEqual(['loop'])
    expect(program.buffers.length).toBe(2)
  })

  it('splits loops where a fused value has more axes than its reader', () => {
    const x = f32('x', [3, 4])
    const row = f32('row', [4])
    const other = f32('other', [3])
    const inner = pipe(x, add(row), sub(reshape([3, 1])(other)))
    const program = kernelsOf([x, row, other], pipe(inner, reshape([12]), exp))
    expect(program.kernels.map((k) => (k._tag === 'loop' ? [k.extents, k.out.at] : undefined))).toEqual([
      [[3, 4], { offset: 0, strides: [4, 1] }]
    ])
  })

  it('stores a value that several kernels want, and one that a broadcast would repeat', () => {
    const x = f32('x', [4, 5])
    const shared = exp(x)
    expect(kernelsOf([x], sum({ axes: 0 })(shared), sum({ axes: 1 })(shared)).kernels.length).toBe(3)
    const row = f32('row', [5])
    expect(kernelsOf([x, row], add(exp(row))(x)).kernels.length).toBe(2)
  })

  it('reduces what it computes, and makes softmax four kernels', () => {
    const x = f32('x', [4, 5])
    expect(tags(kernelsOf([x], sum({ axes: 1 })(mul(x)(exp(x)))))).toEqual(['loop'])
    expect(kernelsOf([x], softmax(-1)(x)).kernels.length).toBe(4)
  })

  it('gives transposed and sliced operands to a product as they are', () => {
    const a = f32('a', [4, 6])
    const b = f32('b', [5, 8])
    const right = pipe(b, transpose, slice([null, [1, 5]]))
    expect(tags(kernelsOf([a, b], pipe(a, transpose, matmul(transpose(right)))))).toEqual(['contraction'])
  })

  it('makes one product of a batch of rows with one matrix', () => {
    const x = f32('x', [3, 4, 5])
    const w = f32('w', [5, 2])
    const [kernel] = kernelsOf([x, w], matmul(w)(x)).kernels
    expect(kernel._tag === 'contraction' && [kernel.contraction.batch, kernel.contraction.m]).toEqual([[], 12])
  })

  it('runs attention heads as batches of views, and copies only where heads are joined', () => {
    const [q, k, v] = ['q', 'k', 'v'].map((name) => f32(name, [2, 6, 8]))
    const w = f32('w', [8, 8])
    const heads = (x: Tensor): Tensor => pipe(x, reshape([2, 6, 2, 4]), permute([0, 2, 1, 3]))
    const scores = einsum('bhsd,bhtd->bhst')(heads(q), heads(k))
    const context = einsum('bhst,bhtd->bhsd')(scores, heads(v))
    const joined = pipe(context, permute([0, 2, 1, 3]), reshape([2, 6, 8]), matmul(w))
    expect(tags(kernelsOf([q, k, v, w], joined))).toEqual(['contraction', 'contraction', 'loop', 'contraction'])
  })

  it('looks rows up inside the kernel that uses them', () => {
    const table = f32('table', [10, 4])
    const ids = inputNode('ids', [3], 'i32')
    const position = f32('position', [3, 4])
    expect(tags(kernelsOf([table, ids, position], pipe(table, take(ids), add(position))))).toEqual(['loop'])
  })

  it('lets a value live in its output, copies it to a second one, and copies inputs', () => {
    const x = f32('x', [4])
    const y = exp(x)
    const program = kernelsOf([x], y, y, x, reshape([2, 2])(y))
    expect(program.buffers.length).toBe(1 + 4)
    expect(program.kernels.map((k) => `${String(readsOf(k))} -> ${writeOf(k)}`).sort()).toEqual([
      '0 -> 1',
      '0 -> 3',
      '1 -> 2',
      '1 -> 4'
    ])
  })

  it('does nothing for tensors without elements, but fills what an empty sum gives', () => {
    const x = f32('x', [0, 3])
    expect(kernelsOf([x], exp(x)).kernels).toEqual([])
    expect(tags(kernelsOf([x], sum({ axes: 0 })(x)))).toEqual(['loop'])
    const w = f32('w', [4, 0])
    expect(tags(kernelsOf([w, x], matmul(x)(w)))).toEqual(['loop'])
  })

  it('cuts bodies that would grow without end', () => {
    const x = f32('x', [4])
    const long = Array.from({ length: 1000 }).reduce<Tensor>((y) => maximum(0.5)(div(3)(y)), x)
    const program = kernelsOf([x], long)
    expect(program.kernels.length).toBeGreaterThan(5)
    expect(program.kernels.length).toBeLessThan(40)
  })
})
