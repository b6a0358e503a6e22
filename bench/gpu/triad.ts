/** The bandwidth of memory: `a = b + 3 c` over arrays larger than caches. */

import { openTimed } from './adapter.js'
import { digits, type Cell, type Table } from './markdown.js'
import { timed } from './timing.js'

const threads = 256

const shader = (perRow: number, vectors: number): string => `
@group(0) @binding(0) var<storage, read_write> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> c: array<vec4<f32>>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) l: u32) {
  let i = (group.x + group.y * ${perRow}u) * ${threads}u + l;
  if (i >= ${vectors}u) { return; }
  a[i] = b[i] + 3.0 * c[i];
}`

export type Triad = { readonly bytesPerSecond: number; readonly table: Table }

/** Checked before it is timed. */
export const triad = async (megabytes: number, seconds: number): Promise<Triad> => {
  const gpu = await openTimed()
  const { device } = gpu
  try {
    const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize)
    const bytes = Math.min(megabytes * 2 ** 20, Math.floor(most / 4096) * 4096)
    const vectors = bytes / 16
    // GPUBufferUsage: storage, copySrc, copyDst.
    const [a, b, c] = [0, 1, 2].map(() => device.createBuffer({ size: bytes, usage: 128 | 4 | 8 }))
    const groups = Math.ceil(vectors / threads)
    const perRow = Math.min(groups, 32768)
    const pipeline = await device.createComputePipelineAsync({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code: shader(perRow, vectors) }), entryPoint: 'main' }
    })
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [a, b, c].map((buffer, binding) => ({ binding, resource: { buffer } }))
    })
    const ramp = Float32Array.from({ length: 1024 }, (_, i) => i)
    device.queue.writeBuffer(b, bytes - 4096, ramp)
    device.queue.writeBuffer(c, bytes - 4096, ramp)
    const encode = (pass: GPUComputePassEncoder): void => {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(perRow, Math.ceil(groups / perRow))
    }
    const milliseconds = await timed(device, seconds, encode)
    const staging = device.createBuffer({ size: 4096, usage: 1 | 8 })
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(a, bytes - 4096, staging, 0, 4096)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(1)
    const last = new Float32Array(staging.getMappedRange().slice(0))
    if (last.some((v, i) => v !== 4 * i)) throw new Error('the triad computes something else')
    const bytesPerSecond = (3 * bytes * 1000) / milliseconds
    const row: ReadonlyArray<Cell> = [
      `3 x ${digits(bytes / 2 ** 20)} MiB`,
      digits(milliseconds),
      digits(bytesPerSecond / 1e9)
    ]
    return { bytesPerSecond, table: { title: 'Memory: a = b + 3 c', columns: ['', 'ms', 'GB/s'], rows: [row] } }
  } finally {
    await gpu.release()
  }
}
