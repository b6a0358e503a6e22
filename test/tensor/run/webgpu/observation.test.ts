import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lower } from '../../../../src/tensor/program/lower.js'
import { allocateOutputs } from '../../../../src/tensor/run/arrays.js'
import { webgpu } from '../../../../src/tensor/run/webgpu/webgpu.js'
import { graphs } from '../../program/graphs.js'
import { productGraphs } from '../../program/gpu/product-graphs.js'
import { itOnWebGpu } from '../multipliers/webgpu.js'
import { observed } from '../../../../src/tensor/run/webgpu/observation.js'
import { right, rightOf } from '../../../electra/data/right.js'

type Kernels = Parameters<typeof observed>[1]
type Launches = Parameters<typeof observed>[2]

/** Launches of so many nanoseconds by kernel; a kernel may have none. */
const durations = fc.array(fc.array(fc.integer({ min: 1, max: 1e6 }), { maxLength: 3 }), {
  minLength: 1,
  maxLength: 12
})

const compilationOf = (kernels: ReadonlyArray<ReadonlyArray<number>>): Kernels => ({
  kernels: { kernels: kernels.map(() => ({})) } as unknown as Kernels['kernels']
})

const launchesOf = (kernels: ReadonlyArray<ReadonlyArray<number>>): Launches =>
  kernels.flatMap((launches, origin) => launches.map(() => ({ origins: [origin] })))

type Stamps = {
  readonly querySet: BigUint64Array
  readonly beginningOfPassWriteIndex: number
  readonly endOfPassWriteIndex: number
}

/** As much of a GPU as there is to it: launches take their time when they are submitted, and passes a gap before them. */
const clockwork = (hasTimestamps: boolean, gap: number) => {
  const state = { now: 0n, done: [] as Array<number>, encoded: [] as Array<() => void> }
  const device = {
    features: new Set(hasTimestamps ? ['timestamp-query'] : []),
    createQuerySet: ({ count }: { readonly count: number }) =>
      Object.assign(new BigUint64Array(count), { destroy: () => undefined }),
    createBuffer: ({ size }: { readonly size: number }) => {
      const bytes = new BigUint64Array(size / 8)
      return {
        bytes,
        mapAsync: () => Promise.resolve(),
        getMappedRange: () => bytes.buffer,
        destroy: () => undefined
      }
    },
    createCommandEncoder: () => {
      const work: Array<() => void> = []
      return {
        beginComputePass: ({ timestampWrites }: { readonly timestampWrites?: Stamps } = {}) => {
          const stamp = (index: number | undefined): void => {
            if (timestampWrites !== undefined && index !== undefined) timestampWrites.querySet[index] = state.now
          }
          work.push(() => {
            state.now += BigInt(gap)
            stamp(timestampWrites?.beginningOfPassWriteIndex)
          })
          return {
            launch: (launch: number, nanoseconds: number) =>
              work.push(() => {
                state.now += BigInt(nanoseconds)
                state.done.push(launch)
              }),
            end: () => work.push(() => stamp(timestampWrites?.endOfPassWriteIndex))
          }
        },
        resolveQuerySet: (from: BigUint64Array, first: number, count: number, to: { readonly bytes: BigUint64Array }) =>
          work.push(() => to.bytes.set(from.subarray(first, first + count))),
        copyBufferToBuffer: (
          from: { readonly bytes: BigUint64Array },
          _at: number,
          to: { readonly bytes: BigUint64Array }
        ) => work.push(() => to.bytes.set(from.bytes)),
        finish: () => work
      }
    },
    queue: {
      submit: (lists: ReadonlyArray<ReadonlyArray<() => void>>) => state.encoded.push(...lists.flat()),
      onSubmittedWorkDone: () => {
        state.encoded.splice(0).forEach((work) => work())
        return Promise.resolve()
      }
    }
  }
  // What is mapped is waited for.
  const { createBuffer } = device
  device.createBuffer = (descriptor) => ({ ...createBuffer(descriptor), mapAsync: device.queue.onSubmittedWorkDone })
  return { device: device as unknown as GPUDevice, done: state.done }
}

const encoding = (kernels: ReadonlyArray<ReadonlyArray<number>>) => {
  const nanoseconds = kernels.flat()
  return (pass: GPUComputePassEncoder, launch: number): void =>
    (pass as unknown as { readonly launch: (launch: number, nanoseconds: number) => void }).launch(
      launch,
      nanoseconds[launch]
    )
}

describe('a run that is watched', () => {
  it('tells of every kernel, in order, the time between the stamps of its launches', async () => {
    await fc.assert(
      fc.asyncProperty(durations, fc.nat({ max: 1000 }), async (kernels, gap) => {
        const { device, done } = clockwork(true, gap)
        const seen: Array<readonly [number, number | undefined]> = []
        await rightOf(
          observed(
            device,
            compilationOf(kernels),
            launchesOf(kernels),
            encoding(kernels),
            (k, seconds) => void seen.push([k, seconds])
          )
        )
        expect(done).toEqual([...kernels.flat().keys()])
        expect(seen).toEqual(kernels.map((launches, k) => [k, launches.reduce((a, b) => a + b, 0) / 1e9]))
      })
    )
  })

  it('keeps the times of more kernels than one set of timestamps holds', async () => {
    const kernels = Array.from({ length: 5000 }, (_, k) => [k + 1])
    const seen: Array<number | undefined> = []
    await rightOf(
      observed(
        clockwork(true, 5).device,
        compilationOf(kernels),
        launchesOf(kernels),
        encoding(kernels),
        (_, s) => void seen.push(s)
      )
    )
    expect(seen).toEqual(kernels.map(([nanoseconds]) => nanoseconds / 1e9))
  })

  it('waits for each kernel where there are no timestamps, and tells of it when it and no later one is done', async () => {
    await fc.assert(
      fc.asyncProperty(durations, async (kernels) => {
        const { device, done } = clockwork(false, 0)
        const seen: Array<readonly [number, number | undefined, number]> = []
        await rightOf(
          observed(device, compilationOf(kernels), launchesOf(kernels), encoding(kernels), (k, seconds) => {
            seen.push([k, seconds, done.length])
          })
        )
        const all = kernels.flat().length
        const until = (k: number): number => (kernels[k].length === 0 ? all : kernels.slice(0, k + 1).flat().length)
        expect(seen.sort(([a], [b]) => a - b)).toEqual(kernels.map((_, k) => [k, undefined, until(k)]))
      })
    )
  })

  itOnWebGpu('computes the same bits as one that is not, and has times where the adapter has timestamps', async () => {
    for (const without of [[], ['timestamp-query']] as const) {
      // Kernels that run at once, and products with what follows them, are not in the order of the kernels that they are of.
      const device = await rightOf(webgpu({ without, limits: (known) => ({ ...known, joined: 8 }) }))
      const any = graphs().map(({ inputs, data, outputs }) => ({
        program: lower(
          outputs.map(({ tensor }, i) => ({ name: String(i), tensor })),
          inputs
        ).program,
        data
      }))
      await fc.assert(
        fc.asyncProperty(fc.oneof(any, productGraphs), async ({ program, data }) => {
          const executable = right(device.load(program))
          const [plain, watched] = [allocateOutputs(program, 'float32'), allocateOutputs(program, 'float32')]
          const seen: Array<readonly [number, boolean]> = []
          await rightOf(executable.run(data, plain))
          await rightOf(
            executable.run(data, watched, (k, seconds) => void seen.push([k, seconds !== undefined && seconds >= 0]))
          )
          expect(watched).toEqual(plain)
          const told = new Map(seen)
          expect([...told].sort(([a], [b]) => a - b)).toEqual(
            executable.kernels?.kernels.map((_, k) => [k, without.length === 0])
          )
        }),
        { numRuns: 40, endOnFailure: true }
      )
      await device.release()
    }
  })
})
