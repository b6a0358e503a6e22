/**
 * Kernels as JavaScript functions over typed arrays.
 *
 * The text is that of a function body which returns the kernel's function; the function takes the buffers listed beside
 * it. Extents and strides are written as numbers, buffers are arguments: kernels that differ only in their buffers have
 * the same text, and can share one compiled function.
 */

import type { DType } from '../dtype.js'
import type { Reduction } from '../elementwise.js'
import type { BufferSpec, Loop, Random, Scatter } from '../program/kernel.js'
import { nestOf } from '../program/nest.js'
import { reductionIdentity } from '../run/scalar.js'
import { parity, rotations } from '../threefry.js'
import { bodyPrinter, type Levels, type NameBuffer } from './js-body.js'
import { printBinary, printNumber, printStored } from './js-scalar.js'

export type EmittedKernel = {
  /** Text for `new Function(...scalarNames, source)`, which gives the kernel's function. */
  readonly source: string
  /** The buffers that the function takes, in order. */
  readonly buffers: ReadonlyArray<number>
}

/** Accumulators of a column reduction: few enough to stay in the first-level cache. */
const tile = 512

type Parameters = { readonly name: NameBuffer; readonly list: () => ReadonlyArray<readonly [number, string]> }

/** Names buffers in order of first use. */
const parameters = (): Parameters => {
  const names = new Map<number, string>()
  return {
    name: (buffer, dtype) => {
      const name = names.get(buffer) ?? `${dtype}_${names.size}`
      names.set(buffer, name)
      return name
    },
    list: () => [...names]
  }
}

const assemble = (params: Parameters, prologue: ReadonlyArray<string>, lines: ReadonlyArray<string>): EmittedKernel => {
  const list = params.list()
  return {
    source: [
      "'use strict'",
      ...prologue,
      `return (${list.map(([, name]) => name).join(', ')}) => {`,
      ...lines.map((text) => `  ${text}`),
      '}'
    ].join('\n'),
    buffers: list.map(([buffer]) => buffer)
  }
}

const loopName = (axis: number): string => `i${axis}`

const header = (axis: number, extent: number): string =>
  `for (let ${loopName(axis)} = 0; ${loopName(axis)} < ${extent}; ${loopName(axis)}++) {`

const indented = (lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.map((text) => `  ${text}`)

/** Loops over `order` around `inner`; `levels[d]` are the statements just inside the d-th of them. */
const around = (
  order: ReadonlyArray<number>,
  extents: ReadonlyArray<number>,
  levels: Levels,
  inner: ReadonlyArray<string>
): ReadonlyArray<string> =>
  order.reduceRight<ReadonlyArray<string>>(
    (body, axis, depth) => [header(axis, extents[axis]), ...indented([...levels[depth], ...body]), '}'],
    inner
  )

const combine = (fn: Reduction, dtype: DType, x: string, y: string): string =>
  printBinary(fn === 'sum' ? 'add' : fn, dtype, x, y)

const accumulatorArray: Record<Exclude<DType, 'bool'>, string> = {
  f32: 'Float64Array',
  i32: 'Int32Array',
  u32: 'Uint32Array'
}

type Accumulated = Exclude<DType, 'bool'>

const accumulatedType = (dtype: DType): Accumulated => {
  if (dtype === 'bool') throw new Error('a reduction of bool passed the constructor’s check')
  return dtype
}

const emitLoop = (loop: Loop, buffers: ReadonlyArray<BufferSpec>): EmittedKernel => {
  const { body, out, reduce } = loop
  const params = parameters()
  const { dtype } = buffers[out.buffer]
  const target = params.name(out.buffer, dtype)
  const nest = nestOf(loop)
  const extents = [...loop.extents, ...(reduce?.extents ?? [])]
  const outAt = { offset: out.at.offset, strides: extents.map((_, axis) => out.at.strides[axis] ?? 0) }
  const reducedLoops = nest._tag === 'map' ? [] : nest.reduced
  const order = [...nest.outer, ...reducedLoops, ...(nest._tag === 'columns' ? [nest.column] : [])]
  const result = body.length - 1
  const { value, place, levels } = bodyPrinter(body, [result], order, loopName, params.name)
  const element = value(result)
  const at = `${target}[${place(outAt)}]`
  const inside = levels.slice(1)
  const nested = (inner: ReadonlyArray<string>): ReadonlyArray<string> => [
    ...levels[0],
    ...around(nest.outer, extents, inside, inner)
  ]
  const reducing = (inner: ReadonlyArray<string>): ReadonlyArray<string> =>
    around(reducedLoops, extents, inside.slice(nest.outer.length), inner)

  if (nest._tag === 'map' || reduce === undefined)
    return assemble(params, [], nested([`${at} = ${printStored(dtype, element)}`]))

  const summed = accumulatedType(dtype)
  const start = printNumber(summed, reductionIdentity(reduce.fn, summed))
  if (nest._tag === 'fold')
    return assemble(
      params,
      [],
      nested([
        `let total = ${start}`,
        ...reducing([`total = ${combine(reduce.fn, summed, 'total', element)}`]),
        `${at} = total`
      ])
    )

  const column = loopName(nest.column)
  const width = extents[nest.column]
  const columns = (lines: ReadonlyArray<string>): ReadonlyArray<string> => [
    `for (let ${column} = start; ${column} < end; ${column}++) {`,
    ...indented(lines),
    '}'
  ]
  const total = `totals[${column} - start]`
  const innermost = inside[order.length - 1]
  return assemble(
    params,
    [`const totals = new ${accumulatorArray[summed]}(${Math.min(tile, width)})`],
    nested([
      `for (let start = 0; start < ${width}; start += ${tile}) {`,
      ...indented([
        `const end = Math.min(start + ${tile}, ${width})`,
        `totals.fill(${start})`,
        ...reducing(columns([...innermost, `${total} = ${combine(reduce.fn, summed, total, element)}`])),
        ...columns([`${at} = ${total}`])
      ]),
      '}'
    ])
  )
}

const emitScatter = (scatter: Scatter, buffers: ReadonlyArray<BufferSpec>): EmittedKernel => {
  const { body, extents, extent, stride, out } = scatter
  const params = parameters()
  const target = params.name(out.buffer, buffers[out.buffer].dtype)
  const order = extents.map((_, axis) => axis)
  // The index is printed three times: named twice over, it gets a name.
  const results = [scatter.index, scatter.index, scatter.value]
  const { value, place, levels } = bodyPrinter(body, results, order, loopName, params.name)
  const index = value(scatter.index)
  const update = `${target}[${place(out.at)} + ${index} * ${stride}] += ${value(scatter.value)}`
  return assemble(
    params,
    [],
    [
      `${target}.fill(0)`,
      ...levels[0],
      ...around(order, extents, levels.slice(1), [`if (${index} >= 0 && ${index} < ${extent}) ${update}`])
    ]
  )
}

/** The rounds of `threefry.ts`, unrolled over words `x` and `y`. */
const threefryRounds = (): ReadonlyArray<string> =>
  Array.from({ length: 20 }, (_, round) => {
    const rotation = rotations[round % 8]
    const mix = `x = (x + y) | 0; y = ((y << ${rotation}) | (y >>> ${32 - rotation})) ^ x`
    if (round % 4 !== 3) return [mix]
    const injection = (round + 1) / 4
    return [mix, `x = (x + k${injection % 3}) | 0; y = (y + k${(injection + 1) % 3} + ${injection}) | 0`]
  }).flat()

const emitRandom = ({ key, counter, out, size }: Random): EmittedKernel => {
  const params = parameters()
  const target = params.name(out, 'u32')
  const word = ({ buffer, at }: Random['key'], i: number): string =>
    `${params.name(buffer, 'u32')}[${at.offset + i * at.strides[0]}] | 0`
  const lines = [
    `const k0 = ${word(key, 0)}`,
    `const k1 = ${word(key, 1)}`,
    `const k2 = k0 ^ k1 ^ ${parity}`,
    `let low = ${word(counter, 0)}`,
    `const high = ${word(counter, 1)}`,
    `for (let i = 0; i < ${size}; i += 2) {`,
    ...indented([
      'let x = (low + k0) | 0, y = (high + k1) | 0',
      ...threefryRounds(),
      `${target}[i] = x`,
      `if (i + 1 < ${size}) ${target}[i + 1] = y`,
      'low = (low + 1) | 0'
    ]),
    '}'
  ]
  return assemble(params, [], lines)
}

/** The code of any kernel but a product, which is a multiplier's. */
export const emitKernel = (kernel: Loop | Scatter | Random, buffers: ReadonlyArray<BufferSpec>): EmittedKernel => {
  switch (kernel._tag) {
    case 'loop':
      return emitLoop(kernel, buffers)
    case 'scatter':
      return emitScatter(kernel, buffers)
    case 'random':
      return emitRandom(kernel)
  }
}
