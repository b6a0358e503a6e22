/**
 * Scatter-adds: links between points with the same index, sums within blocks of points, and sums of those.
 */

import { roles, type GatheredSumsKernel, type LinksKernel, type SpreadKernel } from '../../program/gpu/gpu-kernel.js'
import { sizeOf } from '../../shape.js'
import { loadsOf, stepLines, written } from './map.js'
import { combine, identity, typeOf } from './scalar.js'
import { affine, coordinates, type Bindings, type Lines, type ShaderPart } from './shader.js'

/** `i`, one number an invocation, below `count`. */
const numbered = (count: number, workgroup: number): Lines => [
  `let i = group * ${workgroup}u + t;`,
  `if (i >= ${count}u) { return; }`
]

export const linksPart = (kernel: LinksKernel, workgroup: number): ShaderPart => {
  const { indices, links, points, block, extent } = kernel
  const isSame = (bindings: Bindings): string => `${bindings.load(indices, 'q')} == j`
  return {
    wanted: [written(links, 'u32'), { buffer: indices, dtype: 'i32', access: 'read' }],
    workgroup,
    groups: Math.ceil(points / workgroup),
    body: (bindings) => [
      ...numbered(points, workgroup),
      `let j = ${bindings.load(indices, 'i')};`,
      `let start = i - i % ${block}u;`,
      `let end = min(start + ${block}u, ${points}u);`,
      `var role = ${roles.absent}u;`,
      `var next = ${points}u;`,
      `var jump = ${points}u;`,
      `if (j >= 0 && j < ${extent}) {`,
      `role = ${roles.first}u;`,
      `for (var q = start; q < i; q++) { if (${isSame(bindings)}) { role = ${roles.follower}u; break; } }`,
      `for (var q = i + 1u; q < end; q++) { if (${isSame(bindings)}) { next = q; break; } }`,
      `if (role != ${roles.follower}u) {`,
      `for (var q = 0u; q < start; q++) { if (${isSame(bindings)}) { role = ${roles.leader}u; break; } }`,
      `for (var q = end; q < ${points}u; q++) { if (${isSame(bindings)}) { jump = q; break; } }`,
      '}',
      '}',
      bindings.store(links, '3u * i', 'next'),
      bindings.store(links, '3u * i + 1u', 'jump'),
      bindings.store(links, '3u * i + 2u', 'role')
    ]
  }
}

export const gatheredSumsPart = (kernel: GatheredSumsKernel, points: number, workgroup: number): ShaderPart => {
  const { extents, pointAxes, body, value, links, sums } = kernel
  const { dtype } = body[value]
  const inner = sizeOf(extents.slice(pointAxes))
  const point = coordinates('p', extents.slice(0, pointAxes), 'q')
  const place = coordinates('x', extents.slice(pointAxes), 'x')
  return {
    wanted: [written(sums, dtype), { buffer: links, dtype: 'u32', access: 'read' }, ...loadsOf(body)],
    workgroup,
    groups: Math.ceil((points * inner) / workgroup),
    body: (bindings) => [
      ...numbered(points * inner, workgroup),
      `var q = i / ${inner}u;`,
      `let x = i % ${inner}u;`,
      ...place.lines,
      `if (${bindings.load(links, '3u * q + 2u')} < ${roles.leader}u) { return; }`,
      `var sum: ${typeOf(dtype)} = ${identity('sum', dtype)};`,
      'loop {',
      ...point.lines,
      ...stepLines(body, {
        bindings,
        axes: [...point.names, ...place.names],
        name: (step) => `v${step}`
      }),
      `sum = ${combine('sum', dtype, 'sum', `v${value}`)};`,
      `q = ${bindings.load(links, '3u * q')};`,
      `if (q >= ${points}u) { break; }`,
      '}',
      bindings.store(sums, 'i', 'sum')
    ]
  }
}

export const spreadPart = (kernel: SpreadKernel, workgroup: number): ShaderPart => {
  const { dtype, indices, links, sums, points, extents, out, at, stride } = kernel
  const inner = sizeOf(extents)
  const place = coordinates('x', extents, 'x')
  return {
    wanted: [
      written(out, dtype),
      { buffer: indices, dtype: 'i32', access: 'read' },
      { buffer: links, dtype: 'u32', access: 'read' },
      { buffer: sums, dtype, access: 'read' }
    ],
    workgroup,
    groups: Math.ceil((points * inner) / workgroup),
    body: (bindings) => [
      ...numbered(points * inner, workgroup),
      `var q = i / ${inner}u;`,
      `let x = i % ${inner}u;`,
      `if (${bindings.load(links, '3u * q + 2u')} != ${roles.first}u) { return; }`,
      `let j = u32(${bindings.load(indices, 'q')});`,
      ...place.lines,
      `var sum: ${typeOf(dtype)} = ${identity('sum', dtype)};`,
      'loop {',
      `sum = ${combine('sum', dtype, 'sum', bindings.load(sums, `q * ${inner}u + x`))};`,
      `q = ${bindings.load(links, '3u * q + 1u')};`,
      `if (q >= ${points}u) { break; }`,
      '}',
      bindings.store(out, `${affine(at, place.names)} + j * ${stride}u`, 'sum')
    ]
  }
}
