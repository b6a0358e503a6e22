/**
 * Partial results of chunks, made one.
 */

import type { FinishKernel } from '../../program/gpu/gpu-kernel.js'
import { laneTree } from './lane-tree.js'
import { written } from './map.js'
import { combine, identity, typeOf } from './scalar.js'
import { affine, coordinates, when, type ShaderPart } from './shader.js'

export const finishPart = (kernel: FinishKernel, most: number): ShaderPart => {
  const { fn, dtype, partials, chunks, size, extents, from, out, at, lanes } = kernel
  const rows = Math.max(1, most / lanes)
  const workgroup = rows * lanes
  const { names, lines } = coordinates('x', extents, 'i')
  return {
    wanted: [written(out, dtype), { buffer: partials, dtype, access: 'read' }],
    workgroup,
    groups: Math.ceil(size / rows),
    declarations: lanes === 1 ? [] : [`var<workgroup> s_${dtype}_0: array<${typeOf(dtype)}, ${workgroup}>;`],
    body: (bindings) => [
      `let lane = t % ${lanes}u;`,
      `let number = group * ${rows}u + t / ${lanes}u;`,
      `let there = number < ${size}u;`,
      `let i = min(number, ${size - 1}u);`,
      ...lines,
      `let source = ${affine(from, names)};`,
      `var part: ${typeOf(dtype)} = ${identity(fn, dtype)};`,
      `for (var c = lane; c < ${chunks}u; c += ${lanes}u) { part = ${combine(fn, dtype, 'part', bindings.load(partials, `c * ${size}u + source`))}; }`,
      ...laneTree([{ fn, dtype, part: 'part', whole: 'whole' }], lanes),
      ...when(['there', lanes > 1 ? 'lane == 0u' : 'true'], [bindings.store(out, affine(at, names), 'whole')])
    ]
  }
}
