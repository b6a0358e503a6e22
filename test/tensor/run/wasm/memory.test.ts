/**
 * What a run on the wasm device takes of its memory and touches there: what was said before the run, and nothing else.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate, bytesPerElement, type Data } from '../../../../src/tensor/dtype.js'
import { outputSpecs, type Spec } from '../../../../src/tensor/program/program.js'
import type { Executable } from '../../../../src/tensor/run/device.js'
import type { Memory } from '../../../../src/tensor/run/memory/memory.js'
import { wasm } from '../../../../src/tensor/run/wasm/wasm.js'
import { sizeOf } from '../../../../src/tensor/shape.js'
import { expectOutputs, programOf, right } from '../../program/agreement.js'
import { graphs, type Graph } from '../../program/graphs.js'
import { batchedProducts } from '../../program/products.js'
import { naive } from '../naive.js'

/** As floats NaN: where it is read a result shows it. */
const poison = 0xff

const pageBytes = 2 ** 16

const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64

const bytesOf = (memory: Memory): Uint8Array => new Uint8Array(memory.wasm.buffer)

/** In the device's memory, so many elements behind the beginning of a block of its own; `elsewhere` is outside. */
type Lies = number | 'elsewhere'

const arrayOf =
  (memory: Memory, lies: ReadonlyArray<Lies>) =>
  ({ dtype, shape }: Spec, i: number): Data => {
    const [at, size, width] = [lies[i % lies.length], sizeOf(shape), bytesPerElement(dtype)]
    return at === 'elsewhere'
      ? allocate(dtype, size)
      : memory.view(dtype, right(memory.allocate((at + size) * width)) + at * width, size)
  }

type Loaded = {
  readonly graph: Graph
  readonly executable: Executable<'sync'>
  readonly inputs: ReadonlyArray<Data>
  readonly outputs: ReadonlyArray<Data>
}

/** What a run may take: to work in, and for what has to be copied in and out. */
const saidOf = (memory: Memory, { executable, inputs, outputs }: Loaded): number =>
  [...inputs, ...outputs]
    .filter((data) => memory.addressOf(data) === undefined)
    .reduce((sum, { byteLength }) => sum + aligned(byteLength), executable.workingBytes)

/** Runs programs by turns on one device, in a memory full of poison. */
const expectContained = (
  all: ReadonlyArray<Graph>,
  lies: ReadonlyArray<Lies>,
  multiplier: typeof naive | undefined
): void => {
  const device = multiplier === undefined ? wasm() : wasm({ multiplier })
  const memory = right(device.memory())
  const programs = all.map((graph): Loaded => {
    const executable = right(device.load(programOf(graph)))
    const [given, made] = [executable.program.inputs, outputSpecs(executable.program)]
    const arrays = [...given, ...made].map(arrayOf(memory, lies))
    return { graph, executable, inputs: arrays.slice(0, given.length), outputs: arrays.slice(given.length) }
  })
  const said = Math.max(...programs.map((program) => saidOf(memory, program)))
  const held = memory.inUse()
  // The next block is the first of those that nobody has.
  const region = right(memory.allocate(64))
  memory.free(region, 64)
  memory.wasm.grow(Math.ceil(said / pageBytes) + 1)
  bytesOf(memory).fill(poison, 64)
  programs.forEach(({ graph, inputs, outputs }) => {
    inputs.forEach((input, i) => input.set(graph.data[i]))
    outputs.forEach((output) => new Uint8Array(output.buffer, output.byteOffset, output.byteLength).fill(poison))
  })
  for (const { graph, executable, inputs, outputs } of [...programs, ...programs]) {
    const expected = bytesOf(memory).slice()
    right(executable.run(inputs, outputs)())
    expectOutputs(graph, outputs)
    const found = bytesOf(memory)
    // The first word says how much is given out.
    expected.set(found.subarray(0, 4))
    expected.set(found.subarray(region, region + said), region)
    for (const output of outputs) {
      const at = memory.addressOf(output)
      if (at !== undefined) expected.set(found.subarray(at, at + output.byteLength), at)
    }
    if (Buffer.compare(found, expected) !== 0) {
      const stray = found.findIndex((byte, i) => byte !== expected[i])
      expect.fail(`byte ${stray} was written, with working memory at ${region} to ${region + said}`)
    }
  }
  expect(memory.inUse() - held).toBe(said)
}

const lies = fc.array(fc.oneof(fc.constantFrom<Lies>(0, 1, 3), fc.constant<Lies>('elsewhere')), {
  minLength: 1,
  maxLength: 6
})

const multipliers = fc.constantFrom(undefined, naive)

describe('a run on the wasm device', () => {
  it('takes the memory that was said before it, writes to that and to its outputs, and reads nothing it has not written', () => {
    fc.assert(fc.property(fc.array(graphs(), { minLength: 1, maxLength: 3 }), lies, multipliers, expectContained), {
      numRuns: 300
    })
  })

  it('does so where it multiplies by panels, and where many columns are multiplied', () => {
    const products = batchedProducts(2 ** 15)
    fc.assert(fc.property(fc.array(products, { minLength: 1, maxLength: 2 }), lies, multipliers, expectContained), {
      numRuns: 30
    })
  })
})
