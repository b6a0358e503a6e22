/**
 * Shaders compiled: each text once.
 */

import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Shader } from '../../program/gpu/dispatch.js'
import { reasonOf } from '../../reason.js'
import type { DeviceError } from '../device.js'
import { deviceFailed } from './gpu.js'

export type Pipelines = {
  /** The pipeline of a shader. Fails with `DeviceFailed`, which says what the compiler said. */
  readonly compile: (shader: Shader) => TaskEither<DeviceError, GPUComputePipeline>
}

export const pipelinesOn = (device: GPUDevice): Pipelines => {
  const known = new Map<string, Promise<GPUComputePipeline>>()
  const layouts = new Map<string, GPUPipelineLayout>()

  const layoutOf = (access: Shader['access']): GPUPipelineLayout => {
    const key = access.join()
    const old = layouts.get(key)
    if (old !== undefined) return old
    const bindGroupLayout = device.createBindGroupLayout({
      entries: access.map((kind, binding) => ({
        binding,
        // GPUShaderStage.COMPUTE: in Node there are no such globals.
        visibility: 4,
        buffer: { type: kind === 'read' ? 'read-only-storage' : 'storage' }
      }))
    })
    const layout = device.createPipelineLayout({ bindGroupLayouts: [bindGroupLayout] })
    layouts.set(key, layout)
    return layout
  }

  const pipelineOf = ({ code, access }: Shader): Promise<GPUComputePipeline> => {
    const old = known.get(code)
    if (old !== undefined) return old
    const module = device.createShaderModule({ code })
    const made = device.createComputePipelineAsync({
      layout: layoutOf(access),
      compute: { module, entryPoint: 'main' }
    })
    known.set(code, made)
    return made
  }
  return {
    compile: (shader) =>
      TE.tryCatch(
        () => pipelineOf(shader),
        (thrown) => deviceFailed(`a shader does not compile: ${reasonOf(thrown)}`)
      )
  }
}
