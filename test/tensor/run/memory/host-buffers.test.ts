import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate, dtypes, type Data, type FloatWidth } from '../../../../src/tensor/dtype.js'
import { mul } from '../../../../src/tensor/ops/arithmetic.js'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import { outputSpecs, type Spec } from '../../../../src/tensor/program/program.js'
import { allocateOutputs, asWidth } from '../../../../src/tensor/run/arrays.js'
import type { Device, DeviceBuffer, DeviceBuffers, HostDevice } from '../../../../src/tensor/run/device.js'
import { hostBuffers, type HostBuffers } from '../../../../src/tensor/run/memory/host-buffers.js'
import { createMemory, type Memory } from '../../../../src/tensor/run/memory/memory.js'
import type { Multiplier } from '../../../../src/tensor/run/multipliers/multiplier.js'
import { reference } from '../../../../src/tensor/run/reference/reference.js'
import { settling } from '../../../../src/tensor/run/settling.js'
import { wasm } from '../../../../src/tensor/run/wasm/wasm.js'
import { sizeOf } from '../../../../src/tensor/shape.js'
import { inputNode } from '../../../../src/tensor/tensor.js'
import { programOf, right } from '../../program/agreement.js'
import { graphs } from '../../program/graphs.js'
import { naive } from '../naive.js'
import { collectUntil } from './collect-garbage.js'

const specs = fc.array(
  fc.record({ shape: fc.array(fc.nat(20), { maxLength: 3 }), dtype: fc.constantFrom(...dtypes) }),
  { maxLength: 8 }
)

const floats = (n: number) => [{ shape: [n], dtype: 'f32' } as const]

const over = (memory: Memory, width: FloatWidth = 'float32'): HostBuffers =>
  hostBuffers('host', width, () => E.right(memory))

const viewsOf = ({ dataOf }: HostBuffers, buffers: ReadonlyArray<DeviceBuffer>): ReadonlyArray<Data> =>
  buffers.map((buffer) => right(dataOf(buffer)))

describe('the buffers of a device in this process', () => {
  it('are zeroed arrays in its memory, each its own, that hold what is written to them', () => {
    fc.assert(
      fc.property(specs, fc.constantFrom('float32', 'float64'), fc.boolean(), (specs, width, shared) => {
        const memory = right(createMemory({ shared }))
        const buffers = over(memory, width)
        const { list } = right(buffers.allocate(specs)())
        expect(list.map(({ dtype, size }) => [dtype, size])).toEqual(
          specs.map(({ dtype, shape }) => [dtype, sizeOf(shape)])
        )
        const empty = specs.map(({ shape, dtype }) => allocate(dtype, sizeOf(shape), width))
        expect(right(buffers.read(list)())).toEqual(empty)
        expect(viewsOf(buffers, list).every((data) => memory.addressOf(data) !== undefined)).toBe(true)
        const filled = empty.map((data, i) => data.fill(i % 2))
        right(buffers.write(list, filled)())
        // Views are made anew: a memory that grows does not take the arrays away.
        right(memory.allocate(2 ** 17))
        expect(viewsOf(buffers, list)).toEqual(filled)
        expect(right(buffers.read(list)())).toEqual(filled)
      })
    )
  })

  it('are read by copy: what is written later changes nothing that was read, nor does what becomes of a copy', () => {
    const memory = right(createMemory())
    const { allocate, read, write } = over(memory)
    const { list } = right(allocate(floats(2))())
    right(write(list, [Float32Array.of(1, 2)])())
    const [copy] = right(read(list)())
    right(write(list, [Float32Array.of(3, 4)])())
    expect(copy).toEqual(Float32Array.of(1, 2))
    expect(copy.buffer).toBeInstanceOf(ArrayBuffer)
    copy.fill(9)
    expect(right(read(list)())).toEqual([Float32Array.of(3, 4)])
  })

  it('round and widen f32 to the width they have', () => {
    const memory = right(createMemory())
    const written = (width: FloatWidth, data: Data): Data => {
      const { allocate, read, write } = over(memory, width)
      const { list } = right(allocate(floats(1))())
      right(write(list, [data])())
      return right(read(list)())[0]
    }
    expect(written('float32', Float64Array.of(0.1))).toEqual(Float32Array.of(0.1))
    expect(written('float64', Float32Array.of(0.1))).toEqual(Float64Array.of(Math.fround(0.1)))
  })

  it('are refused where the memory has none, or cannot be had itself', () => {
    const { allocate } = over(right(createMemory()))
    expect(allocate([{ shape: [2 ** 31], dtype: 'i32' }])()).toMatchObject(
      E.left({ _tag: 'OutOfMemory', wanted: 2 ** 33 })
    )
    const none = E.left({ _tag: 'OutOfMemory', wanted: 1, inUse: 0, limit: 0 } as const)
    expect(hostBuffers('host', 'float32', () => none).allocate(floats(1))()).toBe(none)
  })

  it('are all there or none: what was taken before one is refused goes back', () => {
    const memory = right(createMemory({ limit: 2 ** 17 }))
    expect(E.isLeft(over(memory).allocate([...floats(100), ...floats(2 ** 16)])())).toBe(true)
    expect(memory.inUse()).toBe(0)
  })

  it('go back when they are released, once', () => {
    const memory = right(createMemory())
    const { allocate } = over(memory)
    const [one, two] = [1, 2].map((n) => right(allocate(floats(16 * n))()))
    one.release()
    one.release()
    expect(memory.inUse()).toBe(128)
    two.release()
    expect(memory.inUse()).toBe(0)
  })

  it('that were dropped go back before any are refused, without anybody asking the engine to collect', async () => {
    const memory = right(createMemory({ limit: 2 ** 20 }))
    const { allocate, read, write } = over(memory)
    const held = right(allocate(floats(16))())
    const ones = new Float32Array(16).fill(1)
    right(write(held.list, [ones])())
    for (let i = 0; i < 12; i++) {
      right(allocate(floats(2 ** 16))())
      // What was made in a turn of the event loop is collected in a later one.
      await new Promise((turn) => setTimeout(turn))
    }
    expect(right(read(held.list)())).toEqual([ones])
  })

  it('go back to the memory when nobody holds them any more, and only then, each by itself', async () => {
    const memory = right(createMemory())
    const { allocate, read, write } = over(memory)
    // Of two that were allocated together, one is held.
    const [held] = right(allocate([...floats(16), ...floats(1000)])()).list
    for (let i = 0; i < 10; i++) right(allocate(floats(1000))())
    expect(memory.inUse()).toBeGreaterThan(40_000)
    await collectUntil(() => memory.inUse() === 64)
    expect(memory.inUse()).toBe(64)
    right(write([held], [new Float32Array(16).fill(1)])())
    expect(right(read([held])())).toEqual([new Float32Array(16).fill(1)])
  })
})

/** `naive`, answering later. */
const later: Multiplier<'async'> = {
  ...naive,
  timing: 'async',
  prepare: (contraction) =>
    pipe(
      naive.prepare(contraction),
      E.map((multiply) => (a, b, out) => () => Promise.resolve(multiply(a, b, out)()))
    )
}

describe.each([
  ['reference in float32', () => reference({ floats: 'float32' })],
  ['reference in float64', () => reference({ floats: 'float64' })],
  ['wasm', () => wasm()],
  ['wasm with an asynchronous multiplier', () => wasm({ multiplier: later })]
] as const)('on the device %s', (_, made: () => HostDevice) => {
  const buffersOn = async (device: Device, specs: ReadonlyArray<Spec>): Promise<DeviceBuffers> =>
    right(await settling(device.allocate)(specs)())

  const written = async (device: Device, specs: ReadonlyArray<Spec>, data: ReadonlyArray<Data>) => {
    const { list } = await buffersOn(device, specs)
    right(await settling(device.write)(list, data)())
    return list
  }

  const valuesIn = async (device: Device, buffers: ReadonlyArray<DeviceBuffer>): Promise<ReadonlyArray<Data>> =>
    right(await settling(device.read)(buffers)())

  it('any mixture of arrays and buffers is read and written as arrays alone are', async () => {
    const device = made()
    await fc.assert(
      fc.asyncProperty(graphs(), fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }), async (graph, lies) => {
        const program = programOf(graph)
        const executable = right(device.load(program))
        const inputs = graph.data.map((data, i) => asWidth(data, program.inputs[i].dtype, device.floats))
        const ones = () => allocateOutputs(program, device.floats).map((data) => data.fill(1))
        const alone = ones()
        right(await executable.run(inputs, alone)())

        const before = [...inputs.map((data) => data.slice()), ...ones()]
        const buffers = await written(device, [...program.inputs, ...outputSpecs(program)], before)
        const arrays = before.map((data, i) => (lies[i % lies.length] ? buffers[i] : data))
        right(await executable.run(arrays.slice(0, inputs.length), arrays.slice(inputs.length))())
        const there = await valuesIn(device, buffers)
        const after = before.map((data, i) => (lies[i % lies.length] ? there[i] : data))
        expect(after).toEqual([...inputs, ...alone])
      }),
      { numRuns: 100 }
    )
  })

  const x = inputNode('x', [4], 'f32')
  const doubled = lower([{ name: '', tensor: mul(2)(x) }], [x]).program

  it.each([
    [
      'of another device',
      'a buffer of another device',
      async (): Promise<DeviceBuffers> => buffersOn(made(), floats(4))
    ],
    [
      'that was released',
      'a buffer that has been released',
      async (device: Device): Promise<DeviceBuffers> => {
        const buffers = await buffersOn(device, floats(4))
        buffers.release()
        return buffers
      }
    ]
  ])('a buffer %s is refused wherever it is given, and nothing changes', async (_, found, stray) => {
    const device = made()
    const four = asWidth(Float32Array.of(1, 2, 3, 4), 'f32', device.floats)
    const [good] = await written(device, floats(4), [four])
    const [bad] = (await stray(device)).list
    const { run } = right(device.load(doubled))
    const refused = E.left({ _tag: 'WrongArrays', device: device.name, found, expected: 'one of this device' })
    expect(await settling(device.write)([good, bad], [four.slice().fill(9), four])()).toEqual(refused)
    expect(await settling(device.read)([good, bad])()).toEqual(refused)
    expect(await run([bad], [good])()).toEqual(refused)
    const out = four.slice()
    expect(await run([bad], [out])()).toEqual(refused)
    expect(await run([good], [bad])()).toEqual(refused)
    expect([...(await valuesIn(device, [good])), out]).toEqual([four, four])
  })

  it('a buffer of the wrong size or dtype is refused by a run', async () => {
    const device = made()
    const { list } = await buffersOn(device, [...floats(4), ...floats(3), { shape: [4], dtype: 'i32' }])
    const [good, short, integers] = list
    const { run } = right(device.load(doubled))
    for (const wrong of [short, integers]) {
      expect(await run([wrong], [good])()).toMatchObject(E.left({ _tag: 'WrongArrays' }))
      expect(await run([good], [wrong])()).toMatchObject(E.left({ _tag: 'WrongArrays' }))
    }
  })
})

describe('a run that waits for its multiplier', () => {
  it('holds its buffers until it is done, though nobody else does', async () => {
    const slow: Multiplier<'async'> = {
      ...later,
      prepare: (contraction) =>
        pipe(
          naive.prepare(contraction),
          E.map((multiply) => (a, b, out) => async () => {
            let turns = 0
            await collectUntil(() => turns++ === 3)
            return multiply(a, b, out)()
          })
        )
    }
    const device = wasm({ multiplier: slow })
    const a = inputNode('a', [2, 2], 'f32')
    const { run } = right(device.load(lower([{ name: '', tensor: matmul(a)(a) }], [a]).program))
    const begun = async (out: Data) => {
      const { list } = right(await device.allocate([{ shape: [2, 2], dtype: 'f32' }])())
      right(await device.write(list, [Float32Array.of(1, 2, 3, 4)])())
      return { running: run(list, [out])() }
    }
    const out = new Float32Array(4)
    const { running } = await begun(out)
    right(await running)
    expect(out).toEqual(Float32Array.of(7, 10, 15, 22))
  })
})
