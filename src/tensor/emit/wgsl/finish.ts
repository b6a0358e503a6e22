/**
 * Partial results of chunks, made one.
 */

import type { FinishKernel } from '../../program/gpu/gpu-kernel.js'
import { laneTree } from './lane-tree.js'
import { epilogueLines, epilogueWanted } from './epilogue.js'
import { written } from './map.js'
import { combine, identity, typeOf } from './scalar.js'
import { affine, coordinates, when, type ShaderPart } from './shader.js'

export const finishPart = (kernel: FinishKernel, most: number): ShaderPart => {
  const { fn, dtype, partials, chunks, size, extents, from, out, at, lanes, epilogue } = kernel
  const rows = Math.max(1, most / lanes)
  const workgroup = rows * lanes
  const { names, lines } = coordinates('x', extents, 'i')
  return {
    wanted: [
      ...(epilogue?.keepsResult === false ? [] : [written(out, dtype)]),
      ...(epilogue === undefined ? [] : epilogueWanted(epilogue, out)),
      { buffer: partials, dtype, access: 'read' }
    ],
    workgroup,
    groups: Math.ceil(size / rows),
    memory: lanes === 1 ? [] : [{ name: `s_${dtype}_0`, type: typeOf(dtype), count: workgroup }],
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
      ...when(
        ['there', lanes > 1 ? 'lane == 0u' : 'true'],
        [
          ...(epilogue?.keepsResult === false ? [] : [bindings.store(out, affine(at, names), 'whole')]),
          ...(epilogue === undefined ? [] : epilogueLines(epilogue, out, bindings, { at: 'i', value: 'whole' }))
        ]
      )
    ]
  }
}
