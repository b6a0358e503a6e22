/** The flat update of a step, as a fold on one device has it, beside the update of one array after the other. */

import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { presetConfig } from '../../../src/electra/config/resolve.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { pretrainingPrograms } from '../../../src/electra/pretraining/programs.js'
import type { Data } from '../../../src/tensor/dtype.js'
import { peek } from '../../../src/tensor/literal.js'
import type { Lowered } from '../../../src/tensor/program/lower.js'
import { gpuLimits } from '../../../src/tensor/program/gpu/gpu-limits.js'
import { allocateOutputs } from '../../../src/tensor/run/arrays.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { compileForGpu } from '../../../src/tensor/run/webgpu/compilation.js'
import { sizeOf } from '../../../src/tensor/shape.js'
import { dynamicLossScaling, isDecayed } from '../../../src/nn/index.js'
import { tensorEntries } from '../../../src/tensor/tree.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const run = ({ program, captured }: Lowered, inputs: ReadonlyArray<Data>): ReadonlyArray<Data> => {
  const device = reference({ floats: 'float64' })
  const out = allocateOutputs(program, 'float64')
  const wide = [...inputs, ...captured.map(peek)].map((x) => (x instanceof Float32Array ? Float64Array.from(x) : x))
  right(right(device.load(program)).run(wide, out)())
  return out
}

describe.each([
  ['electra', undefined],
  ['electra', dynamicLossScaling],
  ['two-stage', undefined]
] as const)('the flat update of %s, losses scaled by %j', (objective, scaling) => {
  const config = right(presetConfig('nano', [`objective=${objective}`]))
  const { state, stages } = right(pretrainingPrograms(config, objectiveOf(config, drawnPieces(100)), 20, scaling))

  it.each(stages.map((stage, i) => [i, stage] as const))(
    'is the update of each array, of stage %i, with zeros between them that stay zeros',
    (_, { step, from, stage }) => {
      const flat = step.flat
      if (flat === undefined) throw new Error('there is none')
      const leaves = tensorEntries(state)
      const names = tensorEntries(state.params).map(([path]) => path)
      for (const group of flat.groups) {
        const kinds = group.map((i) => `${isDecayed(names[i])} ${stage.trains?.(names[i]) ?? true}`)
        expect(new Set(kinds).size).toBe(1)
      }
      // Second moments are no less than 0.
      const noise = (n: number, seed: number, least: number): Float64Array =>
        Float64Array.from({ length: n }, (_, i) => Math.max(least, Math.sin(1 + i * 12.9898 + seed * 78.233)))
      const ofScale = new Map([
        ['optimizer.lossScale.finiteSteps', 3],
        ['optimizer.lossScale.scale', 8]
      ])
      const arrays = leaves.map(([path, { shape }], i) => {
        const known = ofScale.get(path)
        return known === undefined
          ? noise(sizeOf(shape), i, path.startsWith('optimizer.nu') ? 0 : -1)
          : Float64Array.of(known)
      })
      const gradients = names.map((name, i) => noise(sizeOf(tensorEntries(state.params)[i][1].shape), name.length, -1))
      const count = Int32Array.of(from + 3)
      const apart = run(step.update, [...arrays, ...gradients, count])

      const gap = 5
      const joined = (list: ReadonlyArray<Data>): Data =>
        Float64Array.from(list.flatMap((data) => [...data, ...new Array<number>(gap).fill(0)]))
      const alone = flat.apart ?? []
      expect(alone.map((i) => leaves[i][0])).toEqual(scaling === undefined ? [] : [...ofScale.keys()])
      const parts = flat.parts.flatMap((part) => flat.groups.map((group) => group.map((i) => part[i])))
      const grads = flat.groups.map((group) => joined(group.map((i) => gradients[i])))
      const found = run(right(flat.update(grads.map(({ length }) => length))), [
        ...alone.map((i) => arrays[i]),
        ...parts.map((positions) => joined(positions.map((i) => arrays[i]))),
        ...grads,
        count
      ])
      expect(found.slice(0, alone.length)).toEqual(alone.map((i) => apart[i]))
      parts.forEach((positions, i) => {
        const [block, wanted] = [found[alone.length + i], joined(positions.map((at) => apart[at]))]
        expect(block.length).toBe(wanted.length)
        // In float64: the norm is summed in another order.
        wanted.forEach((w, at) => expect(Math.abs(block[at] - w)).toBeLessThanOrEqual(1e-12 * (1 + Math.abs(w))))
      })
      const reported = alone.length + parts.length
      expect(found[reported][0]).toBeCloseTo(apart[leaves.length][0], 10)
      expect(found.slice(reported + 1)).toEqual(scaling === undefined ? [] : [Float64Array.of(8)])
    }
  )

  it.each(stages.map((stage, i) => [i, stage] as const))(
    'is a dozen launches of a GPU at most, of stage %i, where the update of each array is hundreds',
    (_, { step }) => {
      const adapter = {
        maxStorageBuffersPerShaderStage: 10,
        maxStorageBufferBindingSize: 2 ** 27,
        maxComputeWorkgroupsPerDimension: 65_535,
        maxComputeInvocationsPerWorkgroup: 256,
        maxComputeWorkgroupStorageSize: 16_384
      }
      const launches = ({ program }: Lowered): number =>
        compileForGpu(program, { ...gpuLimits(adapter, false), joined: 1 }, undefined).launches.length
      if (step.flat === undefined) throw new Error('there is none')
      const sizes = step.flat.groups.map(() => 2 ** 14)
      expect(launches(right(step.flat.update(sizes)))).toBeLessThanOrEqual(12)
      expect(launches(step.update)).toBeGreaterThan(100)
    }
  )
})
