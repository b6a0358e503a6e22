/**
 * Products in onnxruntime-web on WebAssembly, on one thread: `Gemm` for two matrices, `MatMul` behind `Transpose` for
 * batches of them. Both operands are inputs, so that neither is packed once for all. Results are always new arrays.
 */
import { operandsOf, swapped } from './operands.mjs'
import { serve, versionOf } from './serve.mjs'

/** A protocol buffer in the making: https://protobuf.dev/programming-guides/encoding, fields of integers and of bytes. */
const message = (...fields) => fields.flat()
const varint = (x) => (x < 128 ? [x] : [(x % 128) | 128, ...varint(Math.floor(x / 128))])
const integer = (field, x) => [...varint(field * 8), ...varint(x)]
const bytes = (field, content) => [...varint(field * 8 + 2), ...varint(content.length), ...content]
const text = (field, x) => bytes(field, [...Buffer.from(x)])

// Field numbers and types are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
const integerAttribute = (name, x) => bytes(5, message(text(1, name), integer(3, x), integer(20, 2)))
const integersAttribute = (name, xs) =>
  bytes(5, message(text(1, name), xs.map((x) => integer(8, x)).flat(), integer(20, 7)))
const node = (operation, inputs, output, ...attributes) =>
  bytes(1, message(inputs.map((x) => text(1, x)).flat(), text(2, output), text(4, operation), ...attributes))
const floats = (name, shape) => {
  const dimensions = shape.map((extent) => bytes(1, integer(1, extent))).flat()
  return message(text(1, name), bytes(2, bytes(1, message(integer(1, 1), bytes(2, dimensions)))))
}

const nodes = (left, right) => {
  if (left.shape.length === 2)
    return node(
      'Gemm',
      ['a', 'b'],
      'y',
      integerAttribute('transA', Number(left.isTransposed)),
      integerAttribute('transB', Number(right.isTransposed))
    )
  const upright = ({ isTransposed, shape }, name) =>
    isTransposed ? node('Transpose', [name], `${name}t`, integersAttribute('perm', swapped(shape.length))) : []
  const nameOf = ({ isTransposed }, name) => (isTransposed ? `${name}t` : name)
  return message(upright(left, 'a'), upright(right, 'b'), node('MatMul', [nameOf(left, 'a'), nameOf(right, 'b')], 'y'))
}

const modelOf = ({ left, right, shape }) => {
  const graph = message(
    nodes(left, right),
    text(2, 'product'),
    bytes(11, floats('a', left.shape)),
    bytes(11, floats('b', right.shape)),
    bytes(12, floats('y', shape))
  )
  return Uint8Array.from(message(integer(1, 8), bytes(7, graph), bytes(8, message(text(1, ''), integer(2, 13)))))
}

await serve(async (request) => {
  const ort = await import('onnxruntime-web')
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
  const operands = operandsOf(request)
  const session = await ort.InferenceSession.create(modelOf(operands), { executionProviders: ['wasm'] })
  const [a, b] = [operands.left, operands.right].map(({ data, shape }) => new ort.Tensor('float32', data, shape))
  return {
    name: `onnxruntime-web ${versionOf('onnxruntime-web')}, wasm`,
    run: () => session.run({ a, b }),
    read: async () => (await session.run({ a, b })).y.data,
    close: () => session.release()
  }
})
