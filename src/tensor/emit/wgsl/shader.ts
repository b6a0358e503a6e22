/**
 * Shaders as they are put together: bindings by the buffers behind them, a grid, and lines of WGSL.
 *
 * Buffers are called by their bindings, so kernels that differ in nothing but their buffers have one text, and one pipeline.
 */

import type { DType } from '../../dtype.js'
import type { Affine } from '../../program/kernel.js'
import type { Dispatch } from '../../program/gpu/dispatch.js'
import type { Shape } from '../../shape.js'
import { library, typeOf } from './scalar.js'

/** Lines of WGSL. */
export type Lines = ReadonlyArray<string>

export type Binding = { readonly buffer: number; readonly dtype: DType; readonly access: 'read' | 'write' }

export type Bindings = {
  /** Each with the type of an element in memory. */
  readonly list: ReadonlyArray<Binding & { readonly type: string }>
  /** An element, as a register holds it. */
  readonly load: (buffer: number, index: string) => string
  readonly store: (buffer: number, index: string, value: string) => string
}

/** How an element is in memory, and how it comes from there and goes there. */
type InMemory = {
  readonly type: string
  readonly load: (element: string) => string
  readonly store: (value: string) => string
}

const same = (text: string): string => text

const inMemory = (dtype: DType, isHalf: boolean): InMemory => {
  if (dtype === 'bool') return { type: 'u32', load: (e) => `(${e} != 0u)`, store: (v) => `u32(${v})` }
  // Rounded before: what conversions do of themselves differs, and of numbers out of range nobody says what.
  if (isHalf) return { type: 'f16', load: (e) => `f32(${e})`, store: (v) => `f16(pe_half(${v}))` }
  return { type: typeOf(dtype), load: same, store: same }
}

/** Bindings of buffers, each once: one that is written is not also read. Of f32 those among `halves` are stored as f16. */
export const bindingsOf = (wanted: ReadonlyArray<Binding>, halves: ReadonlySet<number>): Bindings => {
  const each = wanted.filter(({ buffer }, i) => wanted.findIndex((other) => other.buffer === buffer) === i)
  const ways = each.map(({ dtype, buffer }) => inMemory(dtype, halves.has(buffer)))
  const at = (buffer: number): number => each.findIndex((binding) => binding.buffer === buffer)
  return {
    list: each.map((binding, i) => ({ ...binding, type: ways[i].type })),
    load: (buffer, index) => ways[at(buffer)].load(`b${at(buffer)}[${index}]`),
    store: (buffer, index, value) => `b${at(buffer)}[${index}] = ${ways[at(buffer)].store(value)};`
  }
}

/** What a shader says before anything else: that it has f16, where it has. */
export const extensionsOf = (code: string): Lines => (/\bf16\b/.test(code) ? ['enable f16;'] : [])

/** Most workgroups along one dimension of a grid. */
const gridWidth = 65535

/** A kernel as it stands in a shader, by itself or with others that have workgroups of the same size. */
export type ShaderPart = {
  readonly wanted: ReadonlyArray<Binding>
  /** Invocations of a workgroup, and how many workgroups there are. */
  readonly workgroup: number
  readonly groups: number
  /** Declarations before the entry point, each of a line. */
  readonly declarations?: Lines
  /** `group` is the number of the workgroup, `t` that of the invocation in it. */
  readonly body: (bindings: Bindings) => Lines
}

/** The bodies of parts, by which of them a workgroup belongs to. */
const branches = (parts: ReadonlyArray<ShaderPart>, bindings: Bindings): Lines => {
  if (parts.length === 1) return parts[0].body(bindings)
  let start = 0
  return parts.flatMap((part, i) => {
    const from = start
    start += part.groups
    const isLast = i === parts.length - 1
    return [
      `${i === 0 ? '' : '} else '}${isLast ? '{' : `if (number < ${start}u) {`}`,
      `let group = number - ${from}u;`,
      ...part.body(bindings),
      ...(isLast ? ['}'] : [])
    ]
  })
}

/** One dispatch of parts that write nothing that another of them uses. */
export const dispatchOf = (parts: ReadonlyArray<ShaderPart>, halves: ReadonlySet<number>): Dispatch => {
  const bindings = bindingsOf(
    parts.flatMap(({ wanted }) => wanted),
    halves
  )
  const { list } = bindings
  const [{ workgroup }] = parts
  if (parts.some((part) => part.workgroup !== workgroup))
    throw new Error('wgsl: kernels with workgroups of different sizes in one shader')
  const groups = parts.reduce((sum, part) => sum + part.groups, 0)
  const own = parts.length === 1 ? 'group' : 'number'
  const main = [
    ...new Set(parts.flatMap(({ declarations = [] }) => declarations)),
    `@compute @workgroup_size(${workgroup})`,
    'fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) t: u32) {',
    `let ${own} = id.x${groups > gridWidth ? ` + id.y * ${gridWidth}u` : ''};`,
    // A grid of several rows has more workgroups at its end.
    ...(groups > gridWidth && groups % gridWidth !== 0 ? [`if (${own} >= ${groups}u) { return; }`] : []),
    ...branches(parts, bindings),
    '}'
  ].join('\n')
  const variables = list.map(
    ({ type, access }, i) =>
      `@group(0) @binding(${i}) var<storage, ${access === 'read' ? 'read' : 'read_write'}> b${i}: array<${type}>;`
  )
  const code = [...variables, library(main), main].join('\n')
  return {
    shader: { code: [...extensionsOf(code), code].join('\n'), access: list.map(({ access }) => access) },
    buffers: list.map(({ buffer }) => buffer),
    workgroups: [Math.min(groups, gridWidth), Math.ceil(groups / gridWidth), 1]
  }
}

/** An affine function of named coordinates, a u32. */
export const affine = ({ offset, strides }: Affine, names: ReadonlyArray<string>): string => {
  const terms = strides.flatMap((stride, axis) =>
    stride === 0 || names[axis] === '0u' ? [] : [stride === 1 ? names[axis] : `${stride}u * ${names[axis]}`]
  )
  const all = offset === 0 && terms.length > 0 ? terms : [`${offset}u`, ...terms]
  return all.join(' + ')
}

/** The coordinates of element number `index` of the row-major order of a shape, as names that begin with `prefix`. */
export const coordinates = (
  prefix: string,
  extents: Shape,
  index: string
): { readonly names: ReadonlyArray<string>; readonly lines: Lines } => {
  const lines: Array<string> = []
  const last = extents.reduce((found, extent, axis) => (extent > 1 ? axis : found), -1)
  const first = extents.findIndex((extent) => extent > 1)
  const names = extents.map((extent, axis) => {
    if (extent === 1) return '0u'
    const below = extents.slice(axis + 1).reduce((product, e) => product * e, 1)
    const divided = axis === last ? index : `${index} / ${below}u`
    lines.push(`let ${prefix}${axis} = ${axis === first ? divided : `(${divided}) % ${extent}u`};`)
    return `${prefix}${axis}`
  })
  return { names, lines }
}

/** Lines that run where all conditions hold. */
export const when = (conditions: ReadonlyArray<string>, lines: Lines): Lines => {
  const left = conditions.filter((condition) => condition !== 'true')
  return left.length === 0 || lines.length === 0 ? lines : [`if (${left.join(' && ')}) {`, ...lines, '}']
}
