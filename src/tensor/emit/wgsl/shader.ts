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

/** A buffer as so many of a type. */
export type View = { readonly type: string; readonly count: number }

export type Binding = {
  readonly buffer: number
  readonly dtype: DType
  readonly access: 'read' | 'write'
  /** How it is seen where that is not as all its elements, one after the other. */
  readonly as?: View
}

export type Bindings = {
  readonly list: ReadonlyArray<Binding>
  /** The variable of a buffer that is seen as an array of a type. */
  readonly variable: (buffer: number, type: string) => string
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

const elementType = ({ buffer, dtype, as }: Binding, halves: ReadonlySet<number>): string =>
  as?.type ?? inMemory(dtype, halves.has(buffer)).type

/** What has one key is bound once. Of f32 those among `halves` are stored as f16. */
export const bindingKey = (binding: Binding, halves: ReadonlySet<number>): string =>
  `${binding.buffer} ${elementType(binding, halves)}`

/** One binding for all who see a buffer alike: of as many elements as the one that needs most, or of all there are. */
const together = (alike: ReadonlyArray<Binding>): Binding => {
  const [first] = alike
  const { as } = first
  if (as === undefined || alike.some((other) => other.as === undefined)) return { ...first, as: undefined }
  return { ...first, as: { ...as, count: Math.max(...alike.map((other) => other.as?.count ?? 0)) } }
}

/** Bindings of buffers, each once for each type that it is seen as: one that is written is not also read. */
const bindingsOf = (wanted: ReadonlyArray<Binding>, halves: ReadonlySet<number>): Bindings => {
  const alike = new Map<string, Array<Binding>>()
  for (const binding of wanted) {
    const key = bindingKey(binding, halves)
    alike.set(key, [...(alike.get(key) ?? []), binding])
  }
  const list = [...alike.values()].map(together)
  const numbers = new Map([...alike.keys()].map((key, i) => [key, i]))
  const ways = new Map(list.map(({ buffer, dtype }) => [buffer, inMemory(dtype, halves.has(buffer))]))
  const variable = (buffer: number, type: string): string => {
    const number = numbers.get(`${buffer} ${type}`)
    if (number === undefined) throw new Error(`wgsl: buffer ${buffer} is not bound as ${type}`)
    return `b${number}`
  }
  const wayOf = (buffer: number): InMemory => ways.get(buffer) ?? inMemory('f32', false)
  const element = (buffer: number, index: string): string => `${variable(buffer, wayOf(buffer).type)}[${index}]`
  return {
    list,
    variable,
    load: (buffer, index) => wayOf(buffer).load(element(buffer, index)),
    store: (buffer, index, value) => `${element(buffer, index)} = ${wayOf(buffer).store(value)};`
  }
}

/** An array in workgroup memory. */
export type Memory = { readonly name: string; readonly type: string; readonly count: number }

/** A name for what a part declares, as no other part has. */
export type Own = (name: string) => string

/** A kernel as it stands in a shader, by itself or with others that have workgroups of the same size. */
export type ShaderPart = {
  readonly wanted: ReadonlyArray<Binding>
  /** Invocations of a workgroup, and how many workgroups there are. */
  readonly workgroup: number
  readonly groups: number
  /** What of WGSL has to be enabled. */
  readonly extensions?: ReadonlyArray<string>
  /** Whether the body needs `subgroup`, the number of the invocation's subgroup. */
  readonly inSubgroups?: boolean
  /** Parts have what they call by one name together: a workgroup carries out one of them. */
  readonly memory?: ReadonlyArray<Memory>
  readonly functions?: (bindings: Bindings, own: Own) => Lines
  /** `group` is the number of the workgroup, `t` that of the invocation in it. */
  readonly body: (bindings: Bindings, own: Own) => Lines
}

/** Of several parts each has its number behind its names. */
const ownOf = (parts: ReadonlyArray<ShaderPart>, i: number): Own => {
  const behind = parts.length === 1 ? '' : String(i)
  return (name) => `${name}${behind}`
}

/** The bodies of parts, by which of them a workgroup belongs to. */
const branches = (parts: ReadonlyArray<ShaderPart>, bindings: Bindings): Lines => {
  if (parts.length === 1) return parts[0].body(bindings, ownOf(parts, 0))
  let start = 0
  return parts.flatMap((part, i) => {
    const from = start
    start += part.groups
    const isLast = i === parts.length - 1
    return [
      `${i === 0 ? '' : '} else '}${isLast ? '{' : `if (number < ${start}u) {`}`,
      `let group = number - ${from}u;`,
      ...part.body(bindings, ownOf(parts, i)),
      ...(isLast ? ['}'] : [])
    ]
  })
}

const memoryOf = (parts: ReadonlyArray<ShaderPart>): Lines => {
  const all = parts.flatMap(({ memory = [] }) => memory)
  const first = all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i)
  return first.map(({ name, type }) => {
    const alike = all.filter((other) => other.name === name)
    if (alike.some((other) => other.type !== type)) throw new Error(`wgsl: ${name} is of two types in one shader`)
    return `var<workgroup> ${name}: array<${type}, ${Math.max(...alike.map(({ count }) => count))}>;`
  })
}

/** A grid of at least `total` workgroups, none where that is 0, with at most `most` along each dimension. */
export const gridOf = (total: number, most: number): readonly [number, number, number] => {
  if (total === 0) return [0, 1, 1]
  const z = Math.ceil(total / (most * most))
  const y = Math.ceil(total / z / most)
  return [Math.ceil(total / z / y), y, z]
}

/** The number of the workgroup. Those beyond the last one leave. */
const workgroupNumber = (name: string, total: number, [x, y, z]: readonly [number, number, number]): Lines => [
  `let ${name} = id.x${y > 1 ? ` + id.y * ${x}u` : ''}${z > 1 ? ` + id.z * ${x * y}u` : ''};`,
  ...(x * y * z > total ? [`if (${name} >= ${total}u) { return; }`] : [])
]

const variableOf =
  (halves: ReadonlySet<number>) =>
  (binding: Binding, i: number): string => {
    const { access, as } = binding
    const mode = access === 'read' ? 'read' : 'read_write'
    const count = as === undefined ? '' : `, ${as.count}`
    return `@group(0) @binding(${i}) var<storage, ${mode}> b${i}: array<${elementType(binding, halves)}${count}>;`
  }

/** What a shader says before anything else: that it has f16, where it has. */
const halfExtension = (code: string): Lines => (/\bf16\b/.test(code) ? ['enable f16;'] : [])

/** One dispatch of parts that write nothing that another of them uses, with at most `most` workgroups along a dimension. */
export const dispatchOf = (parts: ReadonlyArray<ShaderPart>, most: number, halves: ReadonlySet<number>): Dispatch => {
  const bindings = bindingsOf(
    parts.flatMap(({ wanted }) => wanted),
    halves
  )
  const { list } = bindings
  const [{ workgroup }] = parts
  if (parts.some((part) => part.workgroup !== workgroup))
    throw new Error('wgsl: kernels with workgroups of different sizes in one shader')
  const groups = parts.reduce((sum, part) => sum + part.groups, 0)
  const workgroups = gridOf(groups, most)
  const inSubgroups = parts.some((part) => part.inSubgroups === true)
  const main = [
    ...memoryOf(parts),
    ...parts.flatMap(({ functions }, i) => functions?.(bindings, ownOf(parts, i)) ?? []),
    `@compute @workgroup_size(${workgroup})`,
    `fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) t: u32${
      inSubgroups ? ', @builtin(subgroup_id) subgroup: u32' : ''
    }) {`,
    ...workgroupNumber(parts.length === 1 ? 'group' : 'number', groups, workgroups),
    ...branches(parts, bindings),
    '}'
  ].join('\n')
  const code = [...list.map(variableOf(halves)), library(main), main].join('\n')
  const extensions = new Set([...halfExtension(code), ...parts.flatMap((part) => part.extensions ?? [])])
  return {
    shader: {
      code: [...extensions, code].join('\n'),
      access: list.map(({ access }) => access)
    },
    buffers: list.map(({ buffer }) => buffer),
    workgroups
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
