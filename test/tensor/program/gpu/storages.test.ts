import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FusedProgram } from '../../../../src/tensor/program/fused.js'
import type { GpuLimits } from '../../../../src/tensor/program/gpu/gpu-limits.js'
import { halvesOf, type Precision } from '../../../../src/tensor/program/gpu/storages.js'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { range } from '../../../../src/tensor/range.js'
import { compileForGpu, type GpuCompilation } from '../../../../src/tensor/run/webgpu/compilation.js'
import * as T from '../../../../src/tensor/tensor.js'
import { programOf } from '../agreement.js'
import { graphs } from '../graphs.js'
import { limitsWith } from './limits.js'
import { roundedGraphs } from './product-graphs.js'

const limitsFor = (precision: Precision): GpuLimits => {
  const limits = limitsWith(8, {})
  const split = { processors: 4, outputs: 16, terms: 2, unit: 1 }
  return { ...limits, products: { ...limits.products, precision, split } }
}

const compiled = (program: Program, precision: Precision): GpuCompilation =>
  compileForGpu(program, limitsFor(precision), undefined)

/** A product of what is added up over the rows of another, of an odd number of elements. */
const summed: fc.Arbitrary<Program> = fc.tuple(fc.constantFrom(3, 5), fc.constantFrom(3, 4)).map(([m, n]) => {
  const inputs = [T.inputNode('x', [m, n], 'f32'), T.inputNode('a', [n, n], 'f32')]
  const product = matmul(inputs[1])(inputs[0])
  const sums = T.reshapeNode([1, n], T.reduceNode('sum', [0], T.binaryNode('mul', product, inputs[0])))
  const outputs = [matmul(inputs[1])(sums), matmul(inputs[1])(product)]
  return lower(
    outputs.map((tensor, i) => ({ name: String(i), tensor })),
    inputs
  ).program
})

const programs: fc.Arbitrary<Program> = fc.oneof(
  summed,
  roundedGraphs.map(({ program }) => program),
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
    const seen = { halves: 0, sums: 0 }
    fc.assert(
      fc.property(programs, (program) => {
        const { kernels } = compiled(program, 'mixed')
        const halves = halvesOf(kernels)
        seen.halves += halves.size
        kernels.buffers.forEach(({ dtype }, buffer) => {
          const roles = rolesOf(kernels, buffer)
          if (roles.includes('product') && roles.includes('sum')) seen.sums++
          const isTemporary = buffer >= kernels.inputs + kernels.outputs
          expect(halves.has(buffer)).toBe(
            isTemporary && dtype === 'f32' && roles.includes('product') && !roles.includes('sum')
          )
        })
      }),
      { numRuns: 200 }
    )
    expect(Math.min(seen.halves, seen.sums)).toBeGreaterThan(20)
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
