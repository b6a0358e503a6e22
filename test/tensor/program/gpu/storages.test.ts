import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FusedProgram } from '../../../../src/tensor/program/fused.js'
import type { GpuLimits } from '../../../../src/tensor/program/gpu/gpu-limits.js'
import { halvesOf, type Precision } from '../../../../src/tensor/program/gpu/storages.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { range } from '../../../../src/tensor/range.js'
import { compileForGpu, type GpuCompilation } from '../../../../src/tensor/run/webgpu/compilation.js'
import { programOf } from '../agreement.js'
import { graphs } from '../graphs.js'
import { limitsWith } from './limits.js'
import { productGraphs } from './product-graphs.js'

const limitsFor = (precision: Precision): GpuLimits => {
  const limits = limitsWith(8, {})
  const split = { processors: 4, outputs: 16, terms: 2, unit: 1 }
  return { ...limits, products: { ...limits.products, precision, split } }
}

const compiled = (program: Program, precision: Precision): GpuCompilation =>
  compileForGpu(program, limitsFor(precision), undefined)

const programs: fc.Arbitrary<Program> = fc.oneof(
  productGraphs.map(({ program }) => program),
  graphs(12).map(programOf)
)

/** What a buffer is to the program, kernel by kernel. */
const rolesOf = ({ kernels }: FusedProgram, buffer: number): ReadonlyArray<string> =>
  kernels.flatMap((kernel) => {
    switch (kernel._tag) {
      case 'contraction':
        return [kernel.left, kernel.right, kernel.out].includes(buffer) ? ['product'] : []
      case 'loop':
        return kernel.stores.some((store) => store.buffer === buffer && (store.combine ?? store.scatter) !== undefined)
          ? ['sum']
          : []
      case 'random':
      case 'panels':
        return []
    }
  })

/** How the launches of a program have declared each buffer: `f32`, `vec4<f16>`. */
const declarations = ({ launches }: GpuCompilation): ReadonlyMap<number, ReadonlySet<string>> => {
  const found = new Map<number, Set<string>>()
  launches.forEach(({ work, buffers }) => {
    if (work._tag !== 'dispatch') return
    const types = [...work.shader.code.matchAll(/@binding\((\d+)\)[^;]*: array<(?:vec[24]<)?(\w+)/g)]
    expect(types.map(([, binding]) => Number(binding))).toEqual(range(buffers.length))
    types.forEach(([, , type], i) => found.set(buffers[i], (found.get(buffers[i]) ?? new Set()).add(type)))
  })
  return found
}

describe('what is stored as f16', () => {
  it('are the float32 temporaries that products read or write and nothing is added up in', () => {
    let some = 0
    fc.assert(
      fc.property(programs, (program) => {
        const { kernels } = compiled(program, 'mixed')
        const halves = halvesOf(kernels)
        some += halves.size
        kernels.buffers.forEach(({ dtype }, buffer) => {
          const roles = rolesOf(kernels, buffer)
          const isTemporary = buffer >= kernels.inputs + kernels.outputs
          expect(halves.has(buffer)).toBe(
            isTemporary && dtype === 'f32' && roles.includes('product') && !roles.includes('sum')
          )
        })
      }),
      { numRuns: 200 }
    )
    expect(some).toBeGreaterThan(100)
  })

  it('is declared so by every launch that binds it, and nothing else is', () => {
    fc.assert(
      fc.property(programs, fc.constantFrom<Precision>('mixed', 'float32'), (program, precision) => {
        const compilation = compiled(program, precision)
        const halves = precision === 'mixed' ? halvesOf(compilation.kernels) : new Set<number>()
        declarations(compilation).forEach((types, buffer) =>
          expect([[...types].join(), halves.has(buffer)]).toEqual([
            halves.has(buffer) ? 'f16' : [...types][0],
            types.has('f16')
          ])
        )
      }),
      { numRuns: 200 }
    )
  })

  it('has two bytes an element, in whole words, and everything else what it has in float32', () => {
    fc.assert(
      fc.property(programs, (program) => {
        const [single, mixed] = [compiled(program, 'float32'), compiled(program, 'mixed')]
        expect(mixed.bytes.length).toBe(single.bytes.length)
        mixed.bytes.forEach((bytes, buffer) =>
          expect(bytes).toBe(mixed.halves.has(buffer) ? 4 * Math.ceil(single.bytes[buffer] / 8) : single.bytes[buffer])
        )
      }),
      { numRuns: 200 }
    )
  })
})
