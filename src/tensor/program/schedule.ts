/**
 * Programs to kernel programs: what is computed together, and what gets a buffer.
 *
 * One walk from the last value to the first. By the time a value is reached, every kernel that wants it is known, with
 * the places it wants. An element-wise value wanted by a single kernel at a single place is computed inside that kernel;
 * constants and iota are computed wherever they are wanted; any other value gets a buffer and kernels of its own. So a
 * fused chain does each operation at most once per element of its result.
 *
 * A kernel never wants more values than the device binds buffers: one whose operands would be too many is not computed inside it.
 */

import { sizeOf } from '../shape.js'
import { impossibleIn, type DeviceLimits } from './device-limits.js'
import type { BufferSpec, KernelProgram } from './kernel.js'
import { instructionOf, outputSpecs, specOf, type Instruction, type Program } from './program.js'
import { inline } from './schedule/inline.js'
import { make } from './schedule/make.js'
import { bufferFor, copy, newSlot, shapeOf, valuesOf, type Scheduling, type Slot } from './schedule/scheduling.js'
import { sourcesOf, type Source } from './sources.js'
import { dense, isDense } from './views.js'

/** Lets the value behind each output live in the output's own buffer where it can, and copies the others at the end. */
const placeOutputs = (s: Scheduling): ReadonlyMap<Slot, number> => {
  const first = s.program.inputs.length
  const numbers = new Map<Slot, number>()
  const specs = outputSpecs(s.program)
  s.program.outputs.forEach(({ value }, i) => {
    const { base, at } = s.sources[value]
    const { shape, dtype } = specs[i]
    const whole = base >= first && sizeOf(shape) === sizeOf(shapeOf(s, base)) && isDense(shape, at)
    if (whole && !numbers.has(base)) {
      numbers.set(base, first + i)
      s.stored.add(base)
      return
    }
    const slot = newSlot(s, dtype, sizeOf(shape))
    numbers.set(slot, first + i)
    copy(s, slot, shape, dense(shape), { base, at })
  })
  return numbers
}

/** Which operands of an operation must lie in memory, whoever computes them. */
const inMemoryFor = ({ op, inputs }: Instruction): ReadonlyArray<number> => {
  switch (op._tag) {
    case 'dot':
    case 'randomBits':
      return inputs
    case 'gather':
      return [inputs[0]]
    case 'constant':
    case 'iota':
    case 'unary':
    case 'binary':
    case 'compare':
    case 'select':
    case 'cast':
    case 'reshape':
    case 'permute':
    case 'broadcast':
    case 'slice':
    case 'barrier':
    case 'reduce':
    case 'pad':
    case 'concat':
    case 'scatterAdd':
      return []
  }
}

/** Constants that are no output, nor an operand that must lie in memory. */
const bufferlessIn = (program: Program, sources: ReadonlyArray<Source>): ReadonlySet<number> => {
  const values = [...program.outputs.map(({ value }) => value), ...program.instructions.flatMap(inMemoryFor)]
  const inMemory = new Set(values.map((v) => sources[v].base))
  return new Set(
    program.instructions.flatMap(({ op }, i) => {
      const v = program.inputs.length + i
      return op._tag === 'constant' && !inMemory.has(v) ? [v] : []
    })
  )
}

/** The kernels of a program for a device. A kernel whose result has no elements does not exist. */
export const schedule = (program: Program, limits: DeviceLimits): KernelProgram => {
  const impossible = impossibleIn(limits)
  if (impossible !== undefined) throw new Error(`schedule: ${impossible.found}, ${impossible.expected}`)
  const inputs = program.inputs.length
  const values = valuesOf(program)
  const sources = sourcesOf(program)
  const s: Scheduling = {
    program,
    limits,
    bufferless: bufferlessIn(program, sources),
    sources,
    stored: new Set(program.inputs.map((_, v) => v)),
    wantedBy: new Map(),
    pending: [],
    extra: []
  }
  const numbers = new Map<Slot, number>(placeOutputs(s))
  for (let v = values - 1; v >= inputs; v--) {
    const instruction = instructionOf(program, v)
    const isWanted = s.stored.has(v) || s.wantedBy.has(v)
    if (instruction === undefined || !isWanted || sizeOf(instruction.shape) === 0) continue
    if (!inline(s, v, instruction)) make(s, v, instruction)
  }

  const buffers: Array<BufferSpec> = [...program.inputs, ...outputSpecs(program)].map(bufferFor)
  const number = (slot: Slot): number => {
    if (slot < inputs) return slot
    const old = numbers.get(slot)
    if (old !== undefined) return old
    numbers.set(slot, buffers.length)
    return buffers.push(slot < values ? bufferFor(specOf(program, slot)) : s.extra[slot - values]) - 1
  }
  const kernels = [...s.pending].reverse().map((write) => write(number))
  return { inputs, outputs: program.outputs.length, buffers, kernels }
}
