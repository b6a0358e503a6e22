/** WGSL expressions on a device: many expressions of many elements in one dispatch. */

import * as E from 'fp-ts/lib/Either.js'
import type { DType } from '../../../../src/tensor/dtype.js'
import { library, typeOf } from '../../../../src/tensor/emit/wgsl/scalar.js'
import { requestAdapter } from '../../../../src/tensor/run/multipliers/webgpu-adapter.js'

/** An expression of as many operands as it has dtypes, whose names it is given. */
export type Expression = {
  readonly operands: ReadonlyArray<DType>
  readonly result: DType
  readonly print: (...operands: ReadonlyArray<string>) => string
}

/** The bits of each expression's results, where each of the arrays has the bits of one operand. */
export type Evaluate = (
  expressions: ReadonlyArray<Expression>,
  operands: ReadonlyArray<Uint32Array>
) => Promise<ReadonlyArray<Uint32Array>>

export type Evaluator = { readonly evaluate: Evaluate; readonly release: () => void }

const loaded = (dtype: DType, word: string): string => {
  switch (dtype) {
    case 'f32':
      return `bitcast<f32>(${word})`
    case 'i32':
      return `bitcast<i32>(${word})`
    case 'u32':
      return word
    case 'bool':
      return `((${word} & 1u) == 1u)`
  }
}

const stored = (dtype: DType, value: string): string =>
  dtype === 'bool' ? `select(0u, 1u, ${value})` : `bitcast<u32>(${value})`

const group = 64

const statement = ({ operands, result, print }: Expression, row: number, size: number): string => {
  const names = operands.map((_, i) => `x${i}`)
  const lets = operands.map((dtype, i) => `let x${i}: ${typeOf(dtype)} = ${loaded(dtype, `word${i}`)};`)
  return `{ ${lets.join(' ')} result[${row * size}u + i] = ${stored(result, print(...names))}; }`
}

/** `count` operands of `size` elements each. */
export const shaderOf = (expressions: ReadonlyArray<Expression>, count: number, size: number): string => {
  const places = Array.from({ length: count }, (_, i) => i)
  const main = expressions.map((expression, row) => statement(expression, row, size)).join('\n  ')
  return `${library(main)}
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
@group(0) @binding(1) var<storage, read> operands: array<u32>;
@compute @workgroup_size(${group})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x;
  if (i >= ${size}u) { return; }
  ${places.map((k) => `let word${k} = operands[${k * size}u + i];`).join('\n  ')}
  ${main}
}`
}

const run = async (device: GPUDevice, code: string, operands: Uint32Array, size: number, words: number) => {
  device.pushErrorScope('validation')
  const module = device.createShaderModule({ code })
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } })
  const bytes = 4 * words
  const input = device.createBuffer({ size: operands.byteLength, usage: GPU.storage | GPU.copyTo })
  const output = device.createBuffer({ size: bytes, usage: GPU.storage | GPU.copyFrom })
  const back = device.createBuffer({ size: bytes, usage: GPU.read | GPU.copyTo })
  device.queue.writeBuffer(input, 0, operands)
  const layout = pipeline.getBindGroupLayout(0)
  const entries = [output, input].map((buffer, binding) => ({ binding, resource: { buffer } }))
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }))
  pass.dispatchWorkgroups(Math.ceil(size / group))
  pass.end()
  encoder.copyBufferToBuffer(output, 0, back, 0, bytes)
  device.queue.submit([encoder.finish()])
  const error = await device.popErrorScope()
  if (error !== null) throw new Error(`${error.message}\n${code}`)
  await back.mapAsync(1)
  const found = new Uint32Array(back.getMappedRange().slice(0))
  for (const buffer of [input, output, back]) buffer.destroy()
  return found
}

/** `GPUBufferUsage` is a global of browsers only. */
const GPU = { read: 1, copyFrom: 4, copyTo: 8, storage: 128 }

/** A device to evaluate with; it, and the object that it hangs on, are held until it is released. */
export const evaluator = async (): Promise<Evaluator> => {
  const found = await requestAdapter()
  if (E.isLeft(found)) throw new Error(found.left)
  const { gpu, adapter } = found.right
  const device = await adapter.requestDevice()
  return {
    evaluate: async (expressions, operands) => {
      const size = operands[0].length
      const joined = new Uint32Array(operands.length * size)
      operands.forEach((words, k) => joined.set(words, k * size))
      const code = shaderOf(expressions, operands.length, size)
      const all = await run(device, code, joined, size, expressions.length * size)
      return expressions.map((_, row) => all.subarray(row * size, (row + 1) * size))
    },
    release: () => {
      device.destroy()
      return void gpu
    }
  }
}
