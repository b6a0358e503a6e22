import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { describe, expect, onTestFinished, vi } from 'vitest'
import { vjp } from '../../../../src/autodiff/index.js'
import { allocate, type Data } from '../../../../src/tensor/dtype.js'
import type { GpuLimits } from '../../../../src/tensor/program/gpu/gpu-limits.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import { outputSpecs, type Program } from '../../../../src/tensor/program/program.js'
import { range } from '../../../../src/tensor/range.js'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import type { Device, DeviceError, ProgramArray } from '../../../../src/tensor/run/device.js'
import { reference } from '../../../../src/tensor/run/reference/reference.js'
import { openGpu } from '../../../../src/tensor/run/webgpu/gpu.js'
import { webgpuOn } from '../../../../src/tensor/run/webgpu/webgpu.js'
import { sizeOf, type Shape } from '../../../../src/tensor/shape.js'
import * as T from '../../../../src/tensor/tensor.js'
import type { Tensor } from '../../../../src/tensor/tensor.js'
import { expectOutputs, programOf, right } from '../../program/agreement.js'
import { graphs } from '../../program/graphs.js'
import { smoothGraphs, type SmoothGraph } from '../../program/smooth.js'
import { eager, type Cuts } from '../../program/gpu/limits.js'
import { itOnWebGpu } from '../multipliers/webgpu.js'
import { gpuForFile } from './gpu-for-file.js'
import { hanging, withMemory } from './troubled-gpu.js'

const value = async <A>(task: TaskEither<DeviceError, A>): Promise<A> => right(await task())

const programFor = (inputs: ReadonlyArray<Tensor>, outputs: ReadonlyArray<Tensor>): Program =>
  lower(
    outputs.map((tensor, i) => ({ name: String(i), tensor })),
    inputs
  ).program

const run = async (
  device: Device<'async'>,
  program: Program,
  data: ReadonlyArray<ProgramArray>
): Promise<ReadonlyArray<Data>> => {
  const out = allocateOutputs(program, 'float32')
  await value(right(device.load(program)).run(data, out))
  return out
}

/** The outputs as the reference has them. */
const referred = (floats: 'float32' | 'float64', program: Program, data: ReadonlyArray<Data>): ReadonlyArray<Data> => {
  const out = allocateOutputs(program, floats)
  const fed = data.map((d) => (floats === 'float64' && d instanceof Float32Array ? Float64Array.from(d) : d))
  right(right(reference({ floats }).load(program)).run(fed, out)())
  return out
}

const bits = (arrays: ReadonlyArray<Data>): ReadonlyArray<ReadonlyArray<number>> =>
  arrays.map(({ buffer, byteOffset, byteLength }) => [...new Uint8Array(buffer, byteOffset, byteLength)])

/** Numbers so small that small programs have chunks, parts of rows, blocks and joint launches. */
const ways: ReadonlyArray<readonly [number, Partial<Cuts & Pick<GpuLimits, 'joined'>>]> = [
  [16, {}],
  [10, { lanes: 8, workgroup: 32, held: 1, chunks: 16, chunkRows: 2, scatterBlock: 3, joined: 8, longRow: 4 }],
  [8, { lanes: 4, workgroup: 16, held: 2, chunks: 4, chunkRows: 1, scatterBlock: 2, joined: 4, longRow: 2 }]
]

const gpu = gpuForFile()

const deviceWith = async (kernelBuffers: number, cut: Partial<GpuLimits>): Promise<Device<'async'>> => {
  const limits = (known: GpuLimits): GpuLimits => {
    const most = Math.min(kernelBuffers, known.loops.kernelBuffers)
    // Sums of products are cut, too, where others are.
    const split = cut.chunks === undefined ? known.products.split : { processors: 64, outputs: 4, terms: 1, unit: 1 }
    const products = { ...known.products, split }
    return { ...known, products, ...cut, loops: { ...known.loops, kernelBuffers: most, ...eager } }
  }
  return value(webgpuOn(await gpu(), { limits }))
}

const onDevice = (): Promise<Device<'async'>> => deviceWith(16, {})

/** Of a gradient: what the reference makes of it in double precision, within what f32 and bounded functions may make of it. */
const expectGradients = (program: Program, data: SmoothGraph['data'], found: ReadonlyArray<Data>): void => {
  const [exact, rounded] = [referred('float64', program, data), referred('float32', program, data)]
  exact.forEach((wanted, i) => {
    const largest = (list: ArrayLike<number>): number =>
      Array.from(list).reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    // In float32 the reference rounds each instruction once, to half a unit. Here a function may be off by 10 units, and sums have another
    // order: some dozens of times that error, and of the magnitude where it happened to be none.
    const error = largest(Array.from(wanted, (x, j) => x - rounded[i][j]))
    const tolerance = 64 * error + 64 * 2 ** -24 * (1 + largest(wanted))
    const wrong = wanted.findIndex((x, j) => !(Math.abs(x - found[i][j]) <= tolerance))
    if (wrong >= 0) expect(`output ${i}[${wrong}] = ${found[i][wrong]}`).toBe(`${wanted[wrong]} +- ${tolerance}`)
  })
}

describe('the webgpu device', () => {
  for (const [kernelBuffers, cut] of ways) {
    itOnWebGpu(`computes random programs, the same bits twice, with ${kernelBuffers} buffers at most`, async () => {
      const device = await deviceWith(kernelBuffers, cut)
      await fc.assert(
        fc.asyncProperty(graphs(), async (graph) => {
          const program = programOf(graph)
          const executable = right(device.load(program))
          const [first, second] = [allocateOutputs(program, 'float32'), allocateOutputs(program, 'float32')]
          await value(executable.run(graph.data, first))
          await value(executable.run(graph.data, second))
          expectOutputs(graph, first)
          expect(bits(second)).toEqual(bits(first))
        }),
        { numRuns: 100, endOnFailure: true }
      )
    })

    itOnWebGpu(`computes gradients of random programs with ${kernelBuffers} buffers at most`, async () => {
      const device = await deviceWith(kernelBuffers, cut)
      await fc.assert(
        fc.asyncProperty(smoothGraphs(), async ({ inputs, data, output }) => {
          const { value: y, pullback } = vjp((given: ReadonlyArray<Tensor>) => output(given))(inputs)
          const program = programFor(inputs, [y, ...pullback(T.broadcastNode(y.shape, T.constantNode(1, 'f32')))])
          expectGradients(program, data, await run(device, program, data))
        }),
        { numRuns: 40, endOnFailure: true }
      )
    })
  }

  itOnWebGpu('takes arrays and buffers in any mixture, with the same bits', async () => {
    const device = await onDevice()
    await fc.assert(
      fc.asyncProperty(graphs(8), fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }), async (graph, isThere) => {
        const program = programOf(graph)
        const executable = right(device.load(program))
        const wanted = await run(device, program, graph.data)
        const specs = outputSpecs(program)
        const { list, release } = await value(device.allocate([...program.inputs, ...specs]))
        const [given, made] = [list.slice(0, program.inputs.length), list.slice(program.inputs.length)]
        await value(device.write(given, graph.data))
        const here = allocateOutputs(program, 'float32')
        await value(
          executable.run(
            graph.data.map((data, i) => (isThere[i] ? given[i] : data)),
            here.map((data, i) => (isThere[i + 8] ? made[i] : data))
          )
        )
        const there = await value(device.read(made))
        expect(bits(here.map((data, i) => (isThere[i + 8] ? there[i] : data)))).toEqual(bits(wanted))
        // What is only read is as it was.
        expect(bits(await value(device.read(given)))).toEqual(bits(graph.data))
        release()
      }),
      { numRuns: 25, endOnFailure: true }
    )
  })

  const shapes: ReadonlyArray<Shape> = [
    [],
    [1],
    [7],
    [0],
    [3, 5],
    [0, 4],
    [4, 0],
    [2, 3, 5],
    [2, 0, 3],
    [2, 3, 1, 5],
    [3, 2, 1, 2, 3],
    [1, 0, 2, 0, 1]
  ]

  itOnWebGpu('takes arrays of rank 0 to 5, with elements or without', async () => {
    const device = await onDevice()
    for (const shape of shapes)
      for (const dtype of ['f32', 'i32', 'u32'] as const) {
        const x = T.inputNode('x', shape, dtype)
        const last = shape.length === 0 ? [] : [shape.length - 1]
        const outputs = [
          T.binaryNode('add', x, T.binaryNode('mul', x, x)),
          T.reduceNode('sum', last, x),
          T.reduceNode('max', last, x),
          T.reduceNode('sum', range(shape.length), x),
          T.permuteNode([...range(shape.length)].reverse(), x),
          T.compareNode('lt', x, T.binaryNode('mul', x, x))
        ]
        const program = programFor([x], outputs)
        const data = allocate(dtype, sizeOf(shape)).map((_, i) => (i * 5) % 7)
        const found = await run(device, program, [data])
        expect(found.map((list) => Array.from(list))).toEqual(
          referred('float64', program, [data]).map((list) => Array.from(list))
        )
      }
  })

  itOnWebGpu('draws the random bits of the reference in loops, however those walk them', async () => {
    for (const [kernelBuffers, cut] of ways) {
      const device = await deviceWith(kernelBuffers, cut)
      const given = T.inputNode('key', [3], 'u32')
      const key = T.sliceNode([1], [1], [2], given)
      const words = (...list: ReadonlyArray<number>) =>
        T.concatNode(
          0,
          list.map((word) => T.broadcastNode([1], T.constantNode(word, 'u32')))
        )
      // Neither first nor last word is even, and the counter begins anew at 0.
      const drawn = T.randomBitsNode([9, 5, 3], key, words(0xffff_fff0, 3))
      const half = T.sliceNode([1, 0, 1], [2, 1, 1], [4, 5, 2], drawn)
      const rows = (first: number): Tensor => T.sliceNode([first, 0, 0], [1, 1, 1], [8, 5, 3], drawn)
      const word = (i: number): Tensor => T.sliceNode([i], [1], [1], given)
      const outputs = [
        T.binaryNode('add', drawn, drawn),
        T.binaryNode('xor', half, T.broadcastNode(half.shape, T.constantNode(1, 'u32'))),
        T.permuteNode([2, 0, 1], T.unaryNode('not', drawn)),
        T.reduceNode('sum', [2], drawn),
        T.reduceNode('max', [0, 1], drawn),
        // Neighbours, each at a place of its own.
        T.binaryNode(
          'xor',
          rows(0),
          T.broadcastNode([8, 5, 3], T.reshapeNode([8, 5, 1], T.reduceNode('sum', [2], rows(1))))
        ),
        T.unaryNode('not', T.randomBitsNode([7], key, T.concatNode(0, [word(0), word(1)])))
      ]
      const program = programFor([given], outputs)
      const data = [Uint32Array.of(5, 0x13198a2e, 0x03707344)]
      expect(await run(device, program, data)).toEqual(referred('float32', program, data))
    }
  })

  itOnWebGpu('reads and writes parts of one block', async () => {
    const device = await onDevice()
    const [x, y] = ['x', 'y'].map((name) => T.inputNode(name, [3, 5], 'f32'))
    const executable = right(device.load(programFor([x, y], [T.binaryNode('add', x, y), T.unaryNode('neg', y)])))
    const { list, release } = await value(device.allocateBlock(range(4).map(() => [3, 5])))
    const data = [1, 20].map((first) => Float32Array.from({ length: 15 }, (_, i) => first + i))
    await value(device.write(list.slice(0, 2), data))
    await value(executable.run(list.slice(0, 2), list.slice(2)))
    const sums = data[0].map((a, i) => a + data[1][i])
    expect(await value(device.read(list))).toEqual([...data, sums, data[1].map((b) => -b)])
    release()
  })

  itOnWebGpu('carries out runs that overlap in order, each on its own arrays', async () => {
    const device = await onDevice()
    const x = T.inputNode('x', [500], 'i32')
    const program = programFor([x], [T.binaryNode('add', x, x), T.reduceNode('sum', [0], x)])
    const executable = right(device.load(program))
    const data = range(12).map((k) => Int32Array.from({ length: 500 }, (_, i) => k * i))
    const outs = data.map(() => allocateOutputs(program, 'float32'))
    await Promise.all(data.map((xs, k) => value(executable.run([xs], outs[k]))))
    outs.forEach(([twice, [sum]], k) => {
      expect(twice).toEqual(data[k].map((v) => 2 * v))
      expect(sum).toBe((k * 500 * 499) / 2)
    })
  })

  itOnWebGpu('goes on from what is not awaited, in the order of calls', async () => {
    const device = await onDevice()
    const x = T.inputNode('x', [300], 'i32')
    const increment = right(
      device.load(programFor([x], [T.binaryNode('add', x, T.broadcastNode([300], T.constantNode(1, 'i32')))]))
    )
    const double = right(device.load(programFor([x], [T.binaryNode('add', x, x)])))
    const {
      list: [a, b]
    } = await value(
      device.allocate([
        { dtype: 'i32', shape: [300] },
        { dtype: 'i32', shape: [300] }
      ])
    )
    const work: Array<Promise<unknown>> = []
    let wanted = 0
    for (let step = 0; step < 10; step++) {
      // Each program from one bank to the other and back, as steps on a state do.
      for (const program of [increment, double]) work.push(value(program.run([a], [b])), value(program.run([b], [a])))
      wanted = 4 * (wanted + 2)
    }
    const [found] = await value(device.read([a]))
    await Promise.all(work)
    expect(found).toEqual(new Int32Array(300).fill(wanted))
    work.push(value(device.write([a], [new Int32Array(300).fill(7)])))
    expect((await value(device.read([a])))[0]).toEqual(new Int32Array(300).fill(7))
  })

  itOnWebGpu('gives zeroed buffers, also where others have been given back', async () => {
    const device = await onDevice()
    for (let round = 0; round < 3; round++) {
      const { list, release } = await value(
        device.allocate([
          { dtype: 'f32', shape: [200] },
          { dtype: 'bool', shape: [3] }
        ])
      )
      expect(await value(device.read(list))).toEqual([new Float32Array(200), new Uint8Array(3)])
      await value(device.write(list, [new Float32Array(200).fill(3), Uint8Array.of(1, 0, 1)]))
      expect(await value(device.read(list))).toEqual([new Float32Array(200).fill(3), Uint8Array.of(1, 0, 1)])
      release()
    }
  })
})

describe('the webgpu device refuses', () => {
  const x = T.inputNode('x', [4], 'f32')
  const program = programFor([x], [T.unaryNode('neg', x)])
  const spec = { dtype: 'f32', shape: [4] } as const
  const data = Float32Array.of(1, 2, 3, 4)

  /** That a run is refused, and the next is not. */
  const refused = async (
    device: Device<'async'>,
    inputs: ReadonlyArray<ProgramArray>,
    outputs: ReadonlyArray<ProgramArray>
  ): Promise<void> => {
    const executable = right(device.load(program))
    expect(await executable.run(inputs, outputs)()).toMatchObject(E.left({ _tag: 'WrongArrays', device: 'webgpu' }))
    expect(await run(device, program, [data])).toEqual([data.map((v) => -v)])
  }

  itOnWebGpu('arrays and buffers of wrong sizes, dtypes and numbers', async () => {
    const device = await onDevice()
    const {
      list: [short, whole]
    } = await value(
      device.allocate([
        { dtype: 'f32', shape: [3] },
        { dtype: 'i32', shape: [4] }
      ])
    )
    const out = (): Float32Array => new Float32Array(4)
    await refused(device, [new Float32Array(3)], [out()])
    await refused(device, [Float64Array.from(data)], [out()])
    await refused(device, [data], [new Float32Array(5)])
    await refused(device, [data], [new Int32Array(4)])
    await refused(device, [], [out()])
    await refused(device, [data], [])
    await refused(device, [short], [out()])
    await refused(device, [whole], [out()])
    await refused(device, [data], [short])
    await refused(device, [data], [whole])
  })

  itOnWebGpu('buffers of other devices, and those that have been released', async () => {
    const [device, other] = [await onDevice(), await onDevice()]
    const host = right(reference({ floats: 'float32' }).allocate([spec])())
    const strange = await value(other.allocate([spec]))
    const released = await value(device.allocate([spec]))
    released.release()
    released.release()
    for (const [buffer] of [host.list, strange.list, released.list]) {
      await refused(device, [buffer], [new Float32Array(4)])
      await refused(device, [data], [buffer])
      expect(await device.read([buffer])()).toMatchObject(E.left({ _tag: 'WrongArrays' }))
      expect(await device.write([buffer], [data])()).toMatchObject(E.left({ _tag: 'WrongArrays' }))
    }
    // Released twice, it is not lent twice.
    const { list } = await value(device.allocate([spec, spec]))
    await value(device.write(list, [data, data.map((v) => 2 * v)]))
    expect(await value(device.read(list))).toEqual([data, data.map((v) => 2 * v)])
  })

  itOnWebGpu('what there is no memory for, and works on', async () => {
    const device = await onDevice()
    const huge = { dtype: 'f32', shape: [2 ** 30] } as const
    for (let round = 0; round < 2; round++) {
      expect(await device.allocate([spec, huge])()).toMatchObject(E.left({ _tag: 'OutOfMemory' }))
      expect(await run(device, program, [data])).toEqual([data.map((v) => -v)])
    }
  })

  itOnWebGpu('nothing where what nobody has any more makes room, and what goes beyond', async () => {
    const budget = { bytes: 2 ** 16, used: 0 }
    const gpu = right(await openGpu()())
    const device = right(await webgpuOn(withMemory(budget, gpu))())
    const ofBytes = (bytes: number) => ({ dtype: 'f32', shape: [bytes / 4] }) as const
    const first = await value(device.allocate([ofBytes(2 ** 15)]))
    await value(device.write(first.list, [new Float32Array(2 ** 13).fill(3)]))
    const second = await value(device.allocate([ofBytes(2 ** 14), ofBytes(2 ** 13)]))
    const beyond = { _tag: 'OutOfMemory', wanted: 2 ** 14, inUse: 2 ** 15 + 2 ** 14 + 2 ** 13 } as const
    expect(await device.allocate([ofBytes(2 ** 14)])()).toMatchObject(E.left(beyond))
    second.release()
    // Of other sizes than those that were given back.
    const third = await value(device.allocate([ofBytes(3 * 2 ** 13)]))
    expect(await device.allocate([ofBytes(2 ** 14)])()).toMatchObject(E.left({ _tag: 'OutOfMemory' }))
    expect((await value(device.read(third.list)))[0].every((v) => v === 0)).toBe(true)
    expect((await value(device.read(first.list)))[0].every((v) => v === 3)).toBe(true)
    await device.release()
  })

  itOnWebGpu(
    'nothing where what was only dropped makes room, without anybody asking the engine to collect',
    async () => {
      const device = right(await webgpuOn(withMemory({ bytes: 2 ** 16, used: 0 }, right(await openGpu()())))())
      const specs = [{ dtype: 'f32', shape: [2 ** 12] }] as const
      const held = await value(device.allocate(specs))
      await value(device.write(held.list, [new Float32Array(2 ** 12).fill(3)]))
      for (let i = 0; i < 9; i++) await value(device.allocate(specs))
      expect((await value(device.read(held.list)))[0].every((v) => v === 3)).toBe(true)
      await device.release()
    }
  )

  itOnWebGpu('programs with arrays that no kernel can be given, with both numbers', async () => {
    const device = await deviceWith(16, { bindingBytes: 400 })
    const long = T.inputNode('x', [101], 'f32')
    expect(device.load(programFor([long], [T.unaryNode('neg', long)]))).toMatchObject(
      E.left({
        _tag: 'Unsupported',
        found: expect.stringContaining('404') as unknown,
        expected: expect.stringContaining('400') as unknown
      })
    )
    const fitting = T.inputNode('x', [100], 'f32')
    expect(E.isRight(device.load(programFor([fitting], [T.unaryNode('neg', fitting)])))).toBe(true)
  })

  const answers = async (device: Device<'async'>): Promise<ReadonlyArray<E.Either<DeviceError, unknown>>> => [
    await right(device.load(program)).run([data], [new Float32Array(4)])(),
    await device.allocate([spec])(),
    await device.read([])(),
    await device.write([], [])()
  ]

  itOnWebGpu('everything once it is released, in flight or not, with one reason', async () => {
    const device = right(await webgpuOn(right(await openGpu()()))())
    const executable = right(device.load(program))
    await value(executable.run([data], [new Float32Array(4)]))
    const flying = range(3).map(() => executable.run([data], [new Float32Array(4)])())
    await device.release()
    const failed = E.left({ _tag: 'DeviceFailed', device: 'webgpu', reason: 'the device has been released' })
    ;(await Promise.all(flying)).forEach((answer) => {
      if (E.isLeft(answer)) expect(answer).toEqual(failed)
    })
    expect(await answers(device)).toEqual([failed, failed, failed, failed])
  })

  itOnWebGpu('everything once it is lost, with one reason', async () => {
    const opened = right(await openGpu()())
    const device = right(await webgpuOn(opened)())
    await run(device, program, [data])
    opened.device.destroy()
    await opened.device.lost
    const all = await answers(device)
    expect(all[0]).toMatchObject(E.left({ _tag: 'DeviceFailed', device: 'webgpu' }))
    expect(all[0]).toMatchObject(E.left({ reason: expect.stringContaining('lost') as unknown }))
    all.forEach((answer) => expect(answer).toEqual(all[0]))
    await device.release()
  })

  itOnWebGpu('everything once it hangs, and nothing because of what has been answered', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    let hangs = false
    const gpu = right(await openGpu({ patience: 7 })())
    const device = right(await webgpuOn(hanging(() => hangs, gpu))())
    for (let round = 0; round < 2; round++) {
      expect(await run(device, program, [data])).toEqual([data.map((v) => -v)])
      await vi.advanceTimersByTimeAsync(8000)
    }
    hangs = true
    const waiting = answers(device)
    await vi.waitUntil(() => vi.getTimerCount() > 0)
    await vi.advanceTimersByTimeAsync(7000)
    const hung = E.left({
      _tag: 'DeviceFailed',
      device: 'webgpu',
      reason: 'the GPU hangs: it has given no answer for 7 s'
    })
    expect(await waiting).toEqual([hung, hung, hung, hung])
    await device.release()
  })
})
