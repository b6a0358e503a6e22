/**
 * Matrix products on this machine's WebGPU adapter: GFLOP/s of each of our tiles and of gpu.js's kernels, at square sizes and at
 * ELECTRA-Small's own shapes. Every result is checked before it is timed.
 *
 *     node bench/gpu/products.mjs [--sizes 256,1024] [--rows 16384] [--seconds 0.3] [--half]
 *
 * `--rows` are the tokens of a batch (Small: 128 texts of 128). On a software adapter the defaults are small.
 */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = `${root}/node_modules/.cache`
mkdirSync(cache, { recursive: true })
const bundle = `${cache}/gpu-products.mjs`
await build({
  stdin: {
    contents: [
      'src/tensor/emit/wgsl/product.ts',
      'src/tensor/program/gpu/tiles.ts',
      'src/tensor/run/webgpu/gpujs-products.ts',
      'src/tensor/run/multipliers/webgpu-adapter.ts'
    ]
      .map((file) => `export * from './${file}'`)
      .join('\n'),
    resolveDir: root,
    loader: 'ts'
  },
  outfile: bundle,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'error'
})
const ours = await import(bundle)

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string' },
    rows: { type: 'string' },
    seconds: { type: 'string', default: '0.3' },
    half: { type: 'boolean', default: false }
  }
})

const fail = (message) => {
  console.error(message)
  process.exit(1)
}

const found = await ours.requestAdapter()
if (found._tag === 'Left') fail(found.left)
const { gpu, adapter } = found.right
const { isSoftware } = ours.adapterFacts(adapter)
const wanted = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX'
]
const device = await adapter.requestDevice({
  requiredFeatures: ['shader-f16'].filter((feature) => adapter.features.has(feature)),
  requiredLimits: Object.fromEntries(wanted.map((limit) => [limit, adapter.limits[limit]]))
})
device.lost.then(({ reason, message }) => reason === 'destroyed' || fail(`the device was lost: ${message}`))

const limits = {
  maxComputeWorkgroupsPerDimension: device.limits.maxComputeWorkgroupsPerDimension,
  maxComputeInvocationsPerWorkgroup: device.limits.maxComputeInvocationsPerWorkgroup,
  maxComputeWorkgroupStorageSize: device.limits.maxComputeWorkgroupStorageSize,
  isSoftware,
  split: isSoftware ? ours.softwareSplit : ours.bigGpuSplit
}

/** `left` is [m, k] and `right` [k, n], each dense, or dense the other way round. */
const product = (name, batch, m, n, k, { leftTurned = false, rightTurned = false } = {}) => ({
  name,
  contraction: {
    batch,
    m,
    n,
    k,
    left: { offset: 0, batch: batch.map(() => m * k), row: leftTurned ? 1 : k, column: leftTurned ? m : 1 },
    right: { offset: 0, batch: batch.map(() => k * n), row: rightTurned ? 1 : n, column: rightTurned ? k : 1 }
  }
})

const sizes = (options.sizes ?? (isSoftware ? '64,128' : '512,1024,2048,4096')).split(',').map(Number)
const rows = Number(options.rows ?? (isSoftware ? 256 : 16384))
const length = 128
const [texts, hidden, heads, feedForward, embedding] = [rows / length, 256, 4, 1024, 128]
const vocabulary = isSoftware ? 1018 : 30522
/** A batch's masked tokens: 15 % of each text. */
const masked = texts * 19
const turned = { leftTurned: true }

const shapes = [
  ...sizes.map((size) => product(`square ${size}`, [], size, size, size)),
  product('embedding to hidden', [], rows, hidden, embedding),
  product('query, key, value, output', [], rows, hidden, hidden),
  product('feed-forward up', [], rows, feedForward, hidden),
  product('feed-forward down', [], rows, hidden, feedForward),
  product('input gradient of feed-forward up', [], rows, hidden, feedForward, { rightTurned: true }),
  product('attention scores', [texts * heads], length, length, hidden / heads, { rightTurned: true }),
  product('attention context', [texts * heads], length, hidden / heads, length),
  product('attention value gradient', [texts * heads], length, hidden / heads, length, turned),
  product('weight gradient of query', [], hidden, hidden, rows, turned),
  product('weight gradient of feed-forward up', [], hidden, feedForward, rows, turned),
  product('weight gradient of feed-forward down', [], feedForward, hidden, rows, turned),
  product('generator logits', [], masked, vocabulary, embedding, { rightTurned: true }),
  product('generator hidden gradient', [], masked, embedding, vocabulary),
  product('generator table gradient', [], vocabulary, embedding, masked, turned)
]

const usage = { storage: 0x80 | 0x04 | 0x08, read: 0x01 | 0x08 }
const buffer = (elements) => device.createBuffer({ size: Math.ceil(elements / 64) * 256, usage: usage.storage })

const readBack = async (source, bytes) => {
  const size = Math.ceil(bytes / 4) * 4
  const staging = device.createBuffer({ size, usage: usage.read })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(source, 0, staging, 0, size)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(1)
  const copy = staging.getMappedRange().slice(0)
  staging.destroy()
  return new Float32Array(copy)
}

/** Multiples of 1/64 in [-1, 1), by a generator of its own, so that f16 holds them exactly. */
const operand = (elements, seed) => {
  const values = new Float32Array(elements)
  let state = seed
  for (let i = 0; i < elements; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    values[i] = ((state >>> 25) - 64) / 64
  }
  return values
}

const halfBits = (x) => {
  if (x === 0) return 0
  const exponent = Math.floor(Math.log2(Math.abs(x)))
  return (x < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | Math.round((Math.abs(x) / 2 ** exponent - 1) * 1024)
}

const sizeOf = (extents) => extents.reduce((a, b) => a * b, 1)

/** Some elements of the result, in float64, and how far a sum of k rounded terms may be off. */
const check = ({ batch, m, n, k, left, right }, a, b, out) => {
  const cells = sizeOf(batch) * m * n
  for (let sample = 0; sample < 256; sample++) {
    const cell = sample === 0 ? cells - 1 : Math.floor((sample * 0.6180339887 * cells) % cells)
    const [z, i, j] = [Math.floor(cell / (m * n)), Math.floor(cell / n) % m, cell % n]
    let [sum, magnitude] = [0, 0]
    for (let p = 0; p < k; p++) {
      const term =
        a[z * (left.batch[0] ?? 0) + i * left.row + p * left.column] *
        b[z * (right.batch[0] ?? 0) + p * right.row + j * right.column]
      sum += term
      magnitude += Math.abs(term)
    }
    if (!(Math.abs(sum - out[cell]) <= 2 * (k + 1) * 2 ** -24 * magnitude))
      throw new Error(`wrong at ${cell}: ${out[cell]}, not ${sum}`)
  }
}

const pipelines = new Map()
const pipelineOf = async (code) => {
  if (!pipelines.has(code))
    pipelines.set(
      code,
      await device.createComputePipelineAsync({
        layout: 'auto',
        compute: { module: device.createShaderModule({ code }), entryPoint: 'main' }
      })
    )
  return pipelines.get(code)
}

/** Milliseconds of one run of `encode`, the best of three times as many as fill the time asked for. */
const timed = async (encode) => {
  const run = async (times) => {
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    for (let i = 0; i < times; i++) encode(pass)
    pass.end()
    const start = performance.now()
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
    return performance.now() - start
  }
  await run(1)
  const times = Math.max(1, Math.min(1000, Math.ceil((1000 * Number(options.seconds)) / Math.max(0.01, await run(1)))))
  return Math.min(await run(times), await run(times), await run(times)) / times
}

/** The ways to compute a product: each makes, for a contraction and its buffers, what encodes it. */
const tiled = (name, tile) => ({
  name,
  storage: tile.operands,
  prepare: async (contraction, { left, right, out, sizes: lengths }) => {
    const { list, scratch } = ours.tiledProduct(
      contraction,
      tile,
      { left: 0, right: 1, out: 2, firstScratch: 3, sizes: lengths },
      limits
    )
    const extra = scratch.map(buffer)
    const buffers = [left, right, out, ...extra]
    const steps = []
    for (const { shader, buffers: bound, workgroups } of list) {
      const pipeline = await pipelineOf(shader.code)
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: bound.map((number, binding) => ({ binding, resource: { buffer: buffers[number] } }))
      })
      steps.push({ pipeline, group, workgroups })
    }
    return { steps, release: () => extra.forEach((made) => made.destroy()) }
  }
})

const opened = await ours.gpuJsProducts({ gpu, adapter, device })()
const gpuJs = (name, results) => ({
  name,
  storage: 'f32',
  prepare: async (contraction, { left, right, out }) => {
    if (opened._tag === 'Left') throw new Error(opened.left.reason)
    const made = await opened.right.prepare(contraction, results)()
    if (made._tag === 'Left') throw new Error(made.left.expected ?? made.left.reason)
    const { pipeline, bindGroupLayout, bindings, uniform, workgroups } = made.right
    const stretch = (source, { binding, offset = 0, size }) => ({ binding, resource: { buffer: source, offset, size } })
    const group = device.createBindGroup({
      layout: bindGroupLayout,
      entries: [
        { binding: bindings.uniform, resource: { buffer: uniform } },
        stretch(left, bindings.left),
        stretch(right, bindings.right),
        stretch(out, bindings.out)
      ]
    })
    return { steps: [{ pipeline, group, workgroups }], release: () => {} }
  }
})

const nameOf = ({ via, rows: down, columns, depth, threadRows, threadColumns, prefetch, operands }) =>
  `${via} ${down}x${columns}x${depth} / ${threadRows}x${threadColumns}${prefetch ? ' ahead' : ''}${operands === 'f16' ? ' f16' : ''}`

const tiles = isSoftware
  ? [...ours.softwareTiles, ours.gpuTiles.at(-1)]
  : [...ours.gpuTiles, ...ours.softwareTiles.slice(0, 1)]
const halves =
  options.half && device.features.has('shader-f16') ? tiles.map((tile) => ours.storing('f16', 'f32', tile)) : []

const ways = [
  gpuJs('gpu.js', 1),
  gpuJs('gpu.js, four results', 4),
  ...[...tiles, ...halves].filter((tile) => ours.fits(tile, limits)).map((tile) => tiled(nameOf(tile), tile))
]

const measure = async ({ name, storage, prepare }, contraction, data) => {
  device.pushErrorScope('validation')
  device.pushErrorScope('out-of-memory')
  let cell
  try {
    const { steps, release } = await prepare(contraction, { ...data, ...data[storage] })
    const encode = (pass) => {
      for (const { pipeline, group, workgroups } of steps) {
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, group)
        pass.dispatchWorkgroups(...workgroups)
      }
    }
    const encoder = device.createCommandEncoder()
    encoder.clearBuffer(data.out)
    const pass = encoder.beginComputePass()
    encode(pass)
    pass.end()
    device.queue.submit([encoder.finish()])
    check(contraction, data.a, data.b, await readBack(data.out, 4 * data.sizes.out))
    const milliseconds = await timed(encode)
    release()
    cell = { name, rate: (2 * data.sizes.out * contraction.k) / milliseconds / 1e6 }
  } catch (reason) {
    cell = { name, why: String(reason.message).split('\n')[0] }
  }
  const errors = [await device.popErrorScope(), await device.popErrorScope()].filter((error) => error !== null)
  return errors.length === 0 ? cell : { name, why: errors[0].message.split('\n')[0] }
}

console.log(`# Products on ${ours.showAdapter(ours.adapterFacts(adapter))}\n`)
console.log(
  `Node ${process.version}, ${rows} tokens a batch, ${vocabulary} words. GFLOP/s; checked, then the best of three.\n`
)
for (const { name, contraction } of shapes) {
  const { batch, m, n, k } = contraction
  const lengths = { left: sizeOf(batch) * m * k, right: sizeOf(batch) * k * n, out: sizeOf(batch) * m * n }
  const [a, b] = [operand(lengths.left, 1), operand(lengths.right, 2)]
  const upload = (values) => {
    const made = buffer(values.length)
    device.queue.writeBuffer(
      made,
      0,
      values,
      0,
      values.length - (values.BYTES_PER_ELEMENT === 2 ? values.length % 2 : 0)
    )
    return made
  }
  const storages = ['f32', ...(halves.length > 0 ? ['f16'] : [])]
  const stored = { f32: (values) => values, f16: (values) => Uint16Array.from(values, halfBits) }
  const data = {
    a,
    b,
    out: buffer(lengths.out),
    sizes: lengths,
    ...Object.fromEntries(
      storages.map((storage) => [storage, { left: upload(stored[storage](a)), right: upload(stored[storage](b)) }])
    )
  }
  const { count } = ours.slicesOf(contraction, limits)
  const chosen = nameOf(ours.chooseTile(contraction, limits))
  console.log(`## ${name}: ${batch.length > 0 ? `${batch.join(' x ')} of ` : ''}${m} x ${n} x ${k}, ${count} slices\n`)
  console.log('| way | GFLOP/s |\n|---|---:|')
  for (const way of ways) {
    const { name: label, rate, why } = await measure(way, contraction, data)
    console.log(`| ${label}${label === chosen ? ' (chosen)' : ''} | ${why ?? rate.toPrecision(3)} |`)
  }
  console.log()
  for (const made of [data.out, ...storages.flatMap((storage) => Object.values(data[storage]))]) made.destroy()
}
if (opened._tag === 'Right') {
  console.log(`gpu.js built ${JSON.stringify(opened.right.counts())} kernels, by results a thread.`)
  await opened.right.release()
}
device.destroy()
