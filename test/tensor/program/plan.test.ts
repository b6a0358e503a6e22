import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesPerElement } from '../../../src/tensor/dtype.js'
import { fuse } from '../../../src/tensor/program/fuse.js'
import { readsOfFused, writesOfFused, type FusedKernel, type FusedProgram } from '../../../src/tensor/program/fused.js'
import { lower } from '../../../src/tensor/program/lower.js'
import { alignment, plan } from '../../../src/tensor/program/plan.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { graphs } from './graphs.js'

const programs = graphs(40).map(({ inputs, outputs }) =>
  fuse(
    schedule(
      lower(
        outputs.map(({ tensor }, i) => ({ name: String(i), tensor })),
        inputs
      ).program
    )
  )
)

/** A kernel that copies buffer `from` to buffer `to`. */
const copy = (from: number, to: number, size: number): FusedKernel => ({
  _tag: 'loop',
  extents: [size],
  body: [{ _tag: 'load', dtype: 'f32', buffer: from, at: { offset: 0, strides: [1] } }],
  stores: [{ buffer: to, at: { offset: 0, strides: [1] }, value: 0, combine: undefined, scatter: undefined }]
})

/** input -> t2 -> t3 -> ... -> output, each of `size` elements. */
const chain = (temporaries: number, size: number): FusedProgram => {
  const order = [0, ...Array.from({ length: temporaries }, (_, i) => i + 2), 1]
  return {
    inputs: 1,
    outputs: 1,
    buffers: Array.from({ length: temporaries + 2 }, () => ({ dtype: 'f32', size })),
    kernels: order.slice(1).map((to, i) => copy(order[i], to, size))
  }
}

describe('plan', () => {
  it('never lets a kernel overwrite what a later one reads', () => {
    fc.assert(
      fc.property(programs, (program) => {
        const { offsets, arenaBytes } = plan(program)
        // Who wrote each byte last, kernel by kernel.
        const owner = new Int32Array(arenaBytes).fill(-1)
        const bytesOf = (buffer: number): readonly [number, number] | undefined => {
          const start = offsets[buffer]
          const { dtype, size } = program.buffers[buffer]
          return start === undefined ? undefined : [start, start + size * bytesPerElement(dtype)]
        }
        for (const kernel of program.kernels) {
          for (const buffer of readsOfFused(kernel)) {
            const bytes = bytesOf(buffer)
            if (bytes) expect(owner.subarray(...bytes).every((by) => by === buffer)).toBe(true)
          }
          for (const out of writesOfFused(kernel)) {
            const bytes = bytesOf(out)
            if (bytes) owner.fill(out, ...bytes)
          }
        }
      })
    )
  })

  it('places every temporary that is used, aligned, and nothing else', () => {
    fc.assert(
      fc.property(programs, (program) => {
        const { offsets } = plan(program)
        const used = new Set(program.kernels.flatMap((kernel) => [...readsOfFused(kernel), ...writesOfFused(kernel)]))
        offsets.forEach((offset, buffer) => {
          const isTemporary = buffer >= program.inputs + program.outputs
          expect(offset !== undefined).toBe(isTemporary && used.has(buffer))
          if (offset !== undefined) expect(offset % alignment).toBe(0)
        })
      })
    )
  })

  it('keeps a chain of any length in the space of two buffers', () => {
    expect(plan(chain(9, 100)).arenaBytes).toBe(2 * Math.ceil(400 / alignment) * alignment)
  })

  it('needs no arena where there are no temporaries', () => {
    expect(plan(chain(0, 100))).toEqual({ offsets: [undefined, undefined], arenaBytes: 0 })
  })
})
