/**
 * The plainest runner of dispatches there can be, for tests: a buffer for each number, one pass, everything read back.
 */

import type { Dispatch } from '../../../../src/tensor/program/gpu/dispatch.js'

export type Words = Float32Array | Uint32Array | Uint16Array

/** Buffers are bound by `sizes`; a shader that does not compile, and an error of validation, are thrown. */
export type Dispatcher = {
  /** The bytes of buffer `result` after all dispatches, where `contents` are the buffers that begin with something. */
  readonly run: (list: ReadonlyArray<Dispatch>, buffers: ReadonlyArray<Words>, result: number) => Promise<ArrayBuffer>
  /** The same of several buffers. */
  readonly runAll: (
    list: ReadonlyArray<Dispatch>,
    buffers: ReadonlyArray<Words>,
    results: ReadonlyArray<number>
  ) => Promise<ReadonlyArray<ArrayBuffer>>
  readonly pipelines: () => number
}

const usage = { storage: 0x80, copySource: 0x04, copyTarget: 0x08, mapRead: 0x01 } as const
const mapForReading = 1

const rounded = (bytes: number): number => Math.max(4, Math.ceil(bytes / 4) * 4)

const bytesOf = (words: Words): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(rounded(words.byteLength))
  bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))
  return bytes
}

export const compiled = async (device: GPUDevice, code: string): Promise<GPUShaderModule> => {
  const module = device.createShaderModule({ code })
  const { messages } = await module.getCompilationInfo()
  const errors = messages.filter(({ type }) => type === 'error')
  if (errors.length > 0)
    throw new Error(errors.map(({ lineNum, message }) => `${lineNum}: ${message}`).join('\n') + `\n${code}`)
  return module
}

export const pipelineOf = async (device: GPUDevice, code: string): Promise<GPUComputePipeline> =>
  device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: await compiled(device, code), entryPoint: 'main' }
  })

export const readBack = async (device: GPUDevice, source: GPUBuffer): Promise<ArrayBuffer> => {
  const staging = device.createBuffer({ size: source.size, usage: usage.mapRead | usage.copyTarget })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(source, 0, staging, 0, source.size)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(mapForReading)
  const bytes = staging.getMappedRange().slice(0)
  staging.destroy()
  return bytes
}

export const upload = (device: GPUDevice, words: Words): GPUBuffer => {
  const bytes = bytesOf(words)
  const buffer = device.createBuffer({
    size: bytes.length,
    usage: usage.storage | usage.copySource | usage.copyTarget
  })
  device.queue.writeBuffer(buffer, 0, bytes)
  return buffer
}

export const dispatcher = (device: GPUDevice): Dispatcher => {
  const pipelines = new Map<string, GPUComputePipeline>()
  const pipelineFor = async (code: string): Promise<GPUComputePipeline> => {
    const known = pipelines.get(code)
    if (known !== undefined) return known
    const made = await pipelineOf(device, code)
    pipelines.set(code, made)
    return made
  }
  const runAll: Dispatcher['runAll'] = async (list, contents, results) => {
    const made = await Promise.all(list.map(({ shader }) => pipelineFor(shader.code)))
    device.pushErrorScope('validation')
    const buffers = contents.map((words) => upload(device, words))
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    list.forEach(({ shader, buffers: bound, workgroups }, i) => {
      if (shader.access.length !== bound.length) throw new Error('a shader has as many bindings as buffers')
      pass.setPipeline(made[i])
      pass.setBindGroup(
        0,
        device.createBindGroup({
          layout: made[i].getBindGroupLayout(0),
          entries: bound.map((number, binding) => ({ binding, resource: { buffer: buffers[number] } }))
        })
      )
      pass.dispatchWorkgroups(...workgroups)
    })
    pass.end()
    device.queue.submit([encoder.finish()])
    const error = await device.popErrorScope()
    if (error !== null) throw new Error(error.message)
    const bytes = await Promise.all(results.map((result) => readBack(device, buffers[result])))
    buffers.forEach((buffer) => buffer.destroy())
    return bytes
  }
  return {
    pipelines: () => pipelines.size,
    runAll,
    run: async (list, contents, result) => (await runAll(list, contents, [result]))[0]
  }
}
