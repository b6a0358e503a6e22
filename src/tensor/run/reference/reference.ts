/**
 * The reference device: one instruction at a time over plain arrays, in float32 or float64.
 *
 * It defines every primitive, and is written to be read. In float32 each instruction computes in double precision and
 * rounds once, on storing; float64 keeps doubles throughout. Constants are doubles until they are stored.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { allocate, bytesPerElement, type Data, type DType, type FloatWidth } from '../../dtype.js'
import { type Binary, reductionIdentity, rowOf, type Unary } from '../../elementwise.js'
import type { Instruction, Program, Spec } from '../../program/program.js'
import { reasonOf } from '../../reason.js'
import { sizeOf, stridesOf, type Shape } from '../../shape.js'
import { freeAxes, type OpOf } from '../../tensor.js'
import { threefry2x32 } from '../../threefry.js'
import { checkArrays } from '../arrays.js'
import type { DeviceError, HostDevice } from '../device.js'
import { hostBuffers } from '../memory/host-buffers.js'
import { referenceLimits } from './limits.js'
import { lazyMemory, type Memory } from '../memory/memory.js'
import { castTo, comparison, floatBinary, floatUnary, integerBinary } from './scalar.js'

type Value = Spec & { readonly data: Data }

/** Calls `visit(index, flat)` for every index of `shape` in row-major order. `index` is reused between calls. */
const forEachIndex = (shape: Shape, visit: (index: ReadonlyArray<number>, flat: number) => void): void => {
  const size = sizeOf(shape)
  const index = new Array<number>(shape.length).fill(0)
  for (let flat = 0; flat < size; flat++) {
    visit(index, flat)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break
      index[axis] = 0
    }
  }
}

const flatten = (index: ReadonlyArray<number>, strides: ReadonlyArray<number>): number => {
  let flat = 0
  for (let axis = 0; axis < strides.length; axis++) flat += index[axis] * strides[axis]
  return flat
}

const wrap = (dtype: DType, x: number): number => {
  switch (dtype) {
    case 'f32':
      return x
    case 'i32':
      return x | 0
    case 'u32':
    case 'bool':
      return x >>> 0
  }
}

const unary = (fn: Unary, dtype: DType): ((x: number) => number) => {
  if (fn === 'not') return dtype === 'bool' ? (x) => 1 - x : (x) => wrap(dtype, ~x)
  const f = floatUnary[fn]
  return dtype === 'f32' ? f : (x) => wrap(dtype, f(x))
}

const binary = (fn: Binary, dtype: DType): ((a: number, b: number) => number) => {
  if (dtype === 'f32') return rowOf(floatBinary, fn, dtype)
  const f = rowOf(integerBinary, fn, dtype)
  return (a, b) => wrap(dtype, f(a, b))
}

const reduce = (op: OpOf<'reduce'>, x: Value, out: Value): void => {
  const { fn, axes } = op
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const strides = stridesOf(out.shape)
  const sums = new Float64Array(out.data.length).fill(reductionIdentity(fn, x.dtype))
  const combine = fn === 'sum' ? (a: number, b: number) => a + b : fn === 'max' ? Math.max : Math.min
  forEachIndex(x.shape, (index, flat) => {
    let at = 0
    for (let i = 0; i < kept.length; i++) at += index[kept[i]] * strides[i]
    // Integer sums wrap as they go: a double would lose low bits past 2^53.
    sums[at] = wrap(x.dtype, combine(sums[at], x.data[flat]))
  })
  out.data.set(sums)
}

const dot = (op: OpOf<'dot'>, a: Value, b: Value, out: Value): void => {
  const { batch, contract } = op
  const [sa, sb] = [stridesOf(a.shape), stridesOf(b.shape)]
  const rows = freeAxes(a.shape.length, batch.left, contract.left)
  const columns = freeAxes(b.shape.length, batch.right, contract.right)
  const inner = contract.left.map((axis) => a.shape[axis])
  const [ia, ib] = [contract.left.map((axis) => sa[axis]), contract.right.map((axis) => sb[axis])]
  const outStrideA = [...batch.left.map((x) => sa[x]), ...rows.map((x) => sa[x]), ...columns.map(() => 0)]
  const outStrideB = [...batch.right.map((x) => sb[x]), ...rows.map(() => 0), ...columns.map((x) => sb[x])]
  const product = a.dtype === 'f32' ? (x: number, y: number) => x * y : Math.imul
  forEachIndex(out.shape, (index, flat) => {
    const [fromA, fromB] = [flatten(index, outStrideA), flatten(index, outStrideB)]
    let sum = 0
    forEachIndex(inner, (p) => {
      sum = wrap(a.dtype, sum + product(a.data[fromA + flatten(p, ia)], b.data[fromB + flatten(p, ib)]))
    })
    out.data[flat] = sum
  })
}

const pad = (op: OpOf<'pad'>, x: Value, out: Value): void => {
  const strides = stridesOf(out.shape)
  out.data.fill(op.value)
  forEachIndex(x.shape, (index, flat) => {
    const at = index.map((i, axis) => op.low[axis] + i * (op.interior[axis] + 1))
    out.data[flatten(at, strides)] = x.data[flat]
  })
}

const concat = (axis: number, parts: ReadonlyArray<Value>, out: Value): void => {
  const strides = stridesOf(out.shape)
  let start = 0
  for (const part of parts) {
    const base = start * strides[axis]
    forEachIndex(part.shape, (index, flat) => {
      out.data[base + flatten(index, strides)] = part.data[flat]
    })
    start += part.shape[axis]
  }
}

/** Visits the elements of gather's result (scatterAdd's updates) with the flat place in the table each stands for. */
const forEachGathered = (
  axis: number,
  table: Shape,
  indices: Value,
  result: Shape,
  visit: (flat: number, place: number) => void
): void => {
  const strides = stridesOf(table)
  const indexStrides = stridesOf(indices.shape)
  const rank = indices.shape.length
  forEachIndex(result, (index, flat) => {
    const row = indices.data[flatten(index.slice(axis, axis + rank), indexStrides)]
    if (row < 0 || row >= table[axis]) return
    visit(flat, flatten([...index.slice(0, axis), row, ...index.slice(axis + rank)], strides))
  })
}

const randomBits = (key: Value, counter: Value, out: Value): void => {
  for (let i = 0; i < out.data.length; i++)
    out.data[i] = threefry2x32(
      [key.data[0], key.data[1]],
      [(counter.data[0] + Math.floor(i / 2)) >>> 0, counter.data[1]]
    )[i % 2]
}

/** Computes one instruction into `out`, whose data is zeroed. */
const execute = ({ op }: Instruction, args: ReadonlyArray<Value>, out: Value): void => {
  const [x, y, z] = args
  const { data, shape, dtype } = out
  switch (op._tag) {
    case 'constant':
      data[0] = op.value
      return
    case 'iota':
      return forEachIndex(shape, (index, flat) => {
        data[flat] = index[op.axis]
      })
    case 'unary': {
      const f = unary(op.fn, dtype)
      return x.data.forEach((v, i) => {
        data[i] = f(v)
      })
    }
    case 'binary': {
      const f = binary(op.fn, dtype)
      return x.data.forEach((v, i) => {
        data[i] = f(v, y.data[i])
      })
    }
    case 'compare': {
      const f = comparison[op.fn]
      return x.data.forEach((v, i) => {
        data[i] = f(v, y.data[i]) ? 1 : 0
      })
    }
    case 'select':
      return x.data.forEach((v, i) => {
        data[i] = v !== 0 ? y.data[i] : z.data[i]
      })
    case 'cast':
      return x.data.forEach((v, i) => {
        data[i] = castTo(dtype, x.dtype, v)
      })
    case 'reduce':
      return reduce(op, x, out)
    case 'reshape':
    case 'barrier':
      return data.set(x.data)
    case 'permute': {
      const strides = stridesOf(x.shape)
      const permuted = op.order.map((axis) => strides[axis])
      return forEachIndex(shape, (index, flat) => {
        data[flat] = x.data[flatten(index, permuted)]
      })
    }
    case 'broadcast': {
      const lead = shape.length - x.shape.length
      const strides = stridesOf(x.shape).map((s, axis) => (x.shape[axis] === 1 ? 0 : s))
      const stretched = [...new Array<number>(lead).fill(0), ...strides]
      return forEachIndex(shape, (index, flat) => {
        data[flat] = x.data[flatten(index, stretched)]
      })
    }
    case 'slice': {
      const strides = stridesOf(x.shape)
      const base = flatten(op.start, strides)
      const steps = strides.map((s, axis) => s * op.step[axis])
      return forEachIndex(shape, (index, flat) => {
        data[flat] = x.data[base + flatten(index, steps)]
      })
    }
    case 'pad':
      return pad(op, x, out)
    case 'concat':
      return concat(op.axis, args, out)
    case 'dot':
      return dot(op, x, y, out)
    case 'gather':
      return forEachGathered(op.axis, x.shape, y, shape, (flat, place) => {
        data[flat] = x.data[place]
      })
    case 'scatterAdd': {
      const sums = dtype === 'f32' ? new Float64Array(data.length) : data
      forEachGathered(op.axis, shape, x, y.shape, (flat, place) => {
        sums[place] += y.data[flat]
      })
      return data.set(sums)
    }
    case 'randomBits':
      return randomBits(x, y, out)
  }
}

const interpret = (program: Program, width: FloatWidth, inputs: ReadonlyArray<Data>): ReadonlyArray<Data> => {
  const values: Array<Value> = program.inputs.map((input, i) => ({ ...input, data: inputs[i] }))
  for (const instruction of program.instructions) {
    const { shape, dtype } = instruction
    const out: Value = { shape, dtype, data: allocate(dtype, sizeOf(shape), width) }
    execute(
      instruction,
      instruction.inputs.map((v) => values[v]),
      out
    )
    values.push(out)
  }
  return program.outputs.map(({ value }) => values[value].data)
}

/** The device that defines every primitive. Always there; slow. */
export const reference = ({
  floats,
  memory
}: {
  readonly floats: FloatWidth
  readonly memory?: Memory
}): HostDevice<'sync'> => {
  const held = lazyMemory(memory)
  const { allocate: take, allocateBlock, write, read, dataOf } = hostBuffers('reference', floats, held)
  const arraysOf = E.traverseArray(dataOf)
  return {
    name: 'reference',
    multiplier: 'own',
    timing: 'sync',
    floats,
    limits: referenceLimits,
    memory: held,
    allocate: take,
    allocateBlock,
    write,
    read,
    load: (program) =>
      E.right({
        program,
        // Nothing is freed before the run ends.
        workingBytes: program.instructions.reduce((n, i) => n + sizeOf(i.shape) * bytesPerElement(i.dtype, floats), 0),
        kernels: undefined,
        limits: referenceLimits,
        multipliedBy: () => 'own',
        run: (inputs, outputs) => () =>
          pipe(
            E.Do,
            E.apS('from', arraysOf(inputs)),
            E.apS('to', arraysOf(outputs)),
            E.chainFirst(({ from, to }) => checkArrays('reference', program, floats, from, to)),
            E.chain(({ from, to }) =>
              E.tryCatch(
                () => interpret(program, floats, from).forEach((data, i) => to[i].set(data)),
                (thrown): DeviceError => ({ _tag: 'DeviceFailed', device: 'reference', reason: reasonOf(thrown) })
              )
            )
          )
      }),
    release: () => Promise.resolve()
  }
}
