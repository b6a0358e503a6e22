/**
 * Launches ready to be encoded: pipelines, and how buffers are bound to them.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DeviceError } from '../device.js'
import type { Launch } from './compilation.js'
import { deviceFailed } from './gpu.js'
import type { GpuJsProduct, GpuJsProducts } from './gpujs-products.js'
import type { Pipelines } from './pipelines.js'
import type { Stored } from './storage.js'

export type Ready = {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
  readonly workgroups: readonly [number, number, number]
  readonly entries: (buffers: ReadonlyArray<Stored>) => ReadonlyArray<GPUBindGroupEntry>
}

const ofDispatch = (
  pipeline: GPUComputePipeline,
  workgroups: readonly [number, number, number],
  bytes: ReadonlyArray<number>
): Ready => ({
  pipeline,
  layout: pipeline.getBindGroupLayout(0),
  workgroups,
  entries: (buffers) =>
    buffers.map(({ buffer, offset }, binding) => ({ binding, resource: { buffer, offset, size: bytes[binding] } }))
})

const ofGpuJs = ({ pipeline, bindGroupLayout, bindings, uniform, workgroups }: GpuJsProduct): Ready => {
  const { left, right, out } = bindings
  return {
    pipeline,
    layout: bindGroupLayout,
    workgroups,
    entries: ([a, b, c]) => [
      { binding: bindings.uniform, resource: { buffer: uniform } },
      { binding: left.binding, resource: { buffer: a.buffer, offset: a.offset + left.offset, size: left.size } },
      { binding: right.binding, resource: { buffer: b.buffer, offset: b.offset + right.offset, size: right.size } },
      { binding: out.binding, resource: { buffer: c.buffer, offset: c.offset, size: out.size } }
    ]
  }
}

/** Compiles what has not been compiled yet. Fails with what a compiler says. */
export const readied = (
  pipelines: Pipelines,
  gpuJs: GpuJsProducts | undefined,
  bytes: ReadonlyArray<number>,
  launches: ReadonlyArray<Launch>
): TE.TaskEither<DeviceError, ReadonlyArray<Ready>> => {
  const ready = ({ work, buffers }: Launch): TE.TaskEither<DeviceError, Ready> => {
    switch (work._tag) {
      case 'dispatch':
        return pipe(
          pipelines.compile(work.shader),
          TE.map((pipeline) =>
            ofDispatch(
              pipeline,
              work.workgroups,
              buffers.map((buffer) => bytes[buffer])
            )
          )
        )
      case 'gpu.js':
        return gpuJs === undefined
          ? TE.left(deviceFailed('a product was left to gpu.js, which is not there'))
          : pipe(gpuJs.prepare(work.contraction), TE.map(ofGpuJs))
    }
  }
  return pipe(launches, TE.traverseArray(ready))
}
