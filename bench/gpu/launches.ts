/**
 * The launches of a step one by one, by the adapter's timestamps: what each kind takes, and how long the adapter has nothing to do
 * between them.
 *
 * Each launch is timed in a pass of its own. The whole is timed as the device submits it, many launches to a pass; what it takes beyond
 * the sum of its launches is idle time.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { gpuLimits, type GpuLimits } from '../../src/tensor/program/gpu/gpu-limits.js'
import type { Program } from '../../src/tensor/program/program.js'
import type { Data } from '../../src/tensor/dtype.js'
import { describeKernel } from '../../src/tensor/program/explain.js'
import { showDeviceError } from '../../src/tensor/index.js'
import { compileForGpu, type GpuCompilation } from '../../src/tensor/run/webgpu/compilation.js'
import type { Gpu } from '../../src/tensor/run/webgpu/gpu.js'
import { pipelinesOn } from '../../src/tensor/run/webgpu/pipelines.js'
import { readied, type Ready } from '../../src/tensor/run/webgpu/ready.js'
import { wordsOf, type Stored } from '../../src/tensor/run/webgpu/storage.js'
import { openTimed } from './adapter.js'
import { orThrow } from './programs.js'
import { countsOf, type Traffic } from './traffic.js'

export type TimedLaunch = Traffic & { readonly what: string; readonly milliseconds: number }

export type TimedProgram = {
  readonly launches: ReadonlyArray<TimedLaunch>
  /** From the first launch's beginning to the last one's end. */
  readonly span: number
}

/** An input's array, or nothing: then small numbers are drawn. */
export type Given = Data | undefined

const storedAt = (buffer: GPUBuffer, id: number): Stored => ({ id, buffer, offset: 0, bytes: buffer.size })

const buffersOf = (
  { device }: Gpu,
  { bytes, kernels, placement: { slots, slotOf } }: GpuCompilation,
  given: ReadonlyArray<Given>
): ReadonlyArray<Stored | undefined> => {
  const create = (size: number): GPUBuffer => device.createBuffer({ size: Math.max(256, size), usage: 128 | 4 | 8 })
  const slotBuffers = slots.map(create)
  const fixed = kernels.inputs + kernels.outputs
  return bytes.map((size, i) => {
    if (i >= fixed) {
      const slot = slotOf[i]
      return slot === undefined ? undefined : storedAt(slotBuffers[slot], i)
    }
    const buffer = create(size)
    if (i < kernels.inputs) {
      const { dtype, size: elements } = kernels.buffers[i]
      const drawn =
        dtype === 'f32'
          ? Float32Array.from({ length: elements }, (_, at) => ((at * 7919) % 257) / 8192 - 0.0157)
          : undefined
      const data = given[i] ?? drawn
      if (data !== undefined && data.length > 0) device.queue.writeBuffer(buffer, 0, wordsOf(data, dtype))
    }
    return storedAt(buffer, i)
  })
}

type Encodable = { readonly ready: Ready; readonly group: GPUBindGroup }

const put = (pass: GPUComputePassEncoder, { ready, group }: Encodable): void => {
  pass.setPipeline(ready.pipeline)
  pass.setBindGroup(0, group)
  pass.dispatchWorkgroups(...ready.workgroups)
}

/** Timestamps of a set, at most. */
const most = 4096

/** Nanoseconds that passes take: of each its begin and end. */
const timestamps = async (
  { device }: Gpu,
  passes: ReadonlyArray<ReadonlyArray<Encodable>>
): Promise<ReadonlyArray<readonly [number, number]>> => {
  const found: Array<readonly [number, number]> = []
  for (let first = 0; first < passes.length; first += most / 2) {
    const those = passes.slice(first, first + most / 2)
    const querySet = device.createQuerySet({ type: 'timestamp', count: 2 * those.length })
    // GPUBufferUsage: queryResolve and copySrc; mapRead and copyDst.
    const resolved = device.createBuffer({ size: 16 * those.length, usage: 512 | 4 })
    const staging = device.createBuffer({ size: 16 * those.length, usage: 1 | 8 })
    const encoder = device.createCommandEncoder()
    those.forEach((list, i) => {
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 }
      })
      list.forEach((launch) => put(pass, launch))
      pass.end()
    })
    encoder.resolveQuerySet(querySet, 0, 2 * those.length, resolved, 0)
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16 * those.length)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(1)
    const times = new BigUint64Array(staging.getMappedRange().slice(0))
    const origin = times[0]
    those.forEach((_, i) => found.push([Number(times[2 * i] - origin), Number(times[2 * i + 1] - origin)]))
    querySet.destroy()
    resolved.destroy()
    staging.destroy()
  }
  return found
}

/** Launches that the device submits in one pass. */
const batch = 128

const inBatches = (all: ReadonlyArray<Encodable>): ReadonlyArray<ReadonlyArray<Encodable>> =>
  Array.from({ length: Math.ceil(all.length / batch) }, (_, i) => all.slice(i * batch, (i + 1) * batch))

const timeOn = async (
  gpu: Gpu,
  limits: GpuLimits,
  program: Program,
  given: ReadonlyArray<Given>
): Promise<TimedProgram> => {
  const { device } = gpu
  const compilation = compileForGpu(program, limits, undefined)
  const ready = pipe(
    await readied(pipelinesOn(device), undefined, compilation.bytes, compilation.launches)(),
    orThrow(showDeviceError)
  )
  device.pushErrorScope('out-of-memory')
  const places = buffersOf(gpu, compilation, given)
  const failed = await device.popErrorScope()
  if (failed !== null) throw new Error(`no memory for the step by itself: ${failed.message}`)
  const all = compilation.launches.map(({ buffers }, k): Encodable => {
    const entries = ready[k].entries(buffers.flatMap((buffer) => places[buffer] ?? []))
    return { ready: ready[k], group: device.createBindGroup({ layout: ready[k].layout, entries: [...entries] }) }
  })
  await timestamps(gpu, inBatches(all))
  const spans = await timestamps(gpu, inBatches(all))
  const single = await timestamps(
    gpu,
    all.map((launch) => [launch])
  )
  const failure = gpu.failure()
  if (failure !== undefined) throw new Error(showDeviceError(failure))
  const { launches } = countsOf(program, limits)
  for (const stored of new Set(places.map((place) => place?.buffer))) stored?.destroy()
  return {
    span: (spans[spans.length - 1][1] - spans[0][0]) / 1e6,
    launches: compilation.launches.map(({ origins }, k) => ({
      ...launches[k],
      what: origins.map((origin) => describeKernel(compilation.kernels.kernels[origin])).join(' + '),
      milliseconds: (single[k][1] - single[k][0]) / 1e6
    }))
  }
}

export type TimedSource = { readonly program: Program; readonly given: ReadonlyArray<Given> }

/** Fails where the adapter has no timestamps. */
export const timeLaunches = async (sources: ReadonlyArray<TimedSource>): Promise<ReadonlyArray<TimedProgram>> => {
  const gpu = await openTimed()
  try {
    if (!gpu.device.features.has('timestamp-query')) throw new Error('this adapter has no timestamps')
    const limits = gpuLimits(gpu.device.limits, gpu.facts.isSoftware)
    const timed: Array<TimedProgram> = []
    for (const { program, given } of sources) timed.push(await timeOn(gpu, limits, program, given))
    return timed
  } finally {
    await gpu.release()
  }
}
