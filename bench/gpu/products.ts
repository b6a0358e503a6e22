/**
 * Products on this machine's adapter: TFLOP/s of each way, at square sizes and at a step's own shapes. Each result is checked before it
 * is timed.
 */

import { gpuLimits, type GpuLimits } from '../../src/tensor/program/gpu/gpu-limits.js'
import type { Storage } from '../../src/tensor/program/gpu/storages.js'
import { chooseTile, slicesOf } from '../../src/tensor/program/gpu/tiles.js'
import type { Contraction, StridedMatrix } from '../../src/tensor/program/kernel.js'
import type { Gpu } from '../../src/tensor/run/webgpu/gpu.js'
import { hasMatrices } from '../../src/tensor/run/webgpu/matrices.js'
import { sizeOf } from '../../src/tensor/shape.js'
import { openTimed } from './adapter.js'
import { digits, type Table } from './markdown.js'
import { check, drawn, sizesOf } from './operands.js'
import { nameOf, trainingOf, type StepSize } from './programs.js'
import { layoutOf, ownProducts, shapeOf } from './shapes.js'
import { timed } from './timing.js'
import { storageFor, tileName, waysOn, type Operands, type Way } from './ways.js'

export type ProductSettings = {
  readonly sizes: ReadonlyArray<number>
  readonly steps: ReadonlyArray<StepSize>
  readonly seconds: number
  readonly half: boolean
  /** Products with a smaller share of a step's arithmetic are left out. */
  readonly leastShare: number
}

type Subject = { readonly name: string; readonly contraction: Contraction; readonly times: number }

const square = (size: number): Contraction => {
  const dense: StridedMatrix = { offset: 0, batch: [], row: size, column: 1 }
  return { batch: [], m: size, n: size, k: size, left: dense, right: dense }
}

const halfBits = (x: number): number => {
  if (x === 0) return 0
  const exponent = Math.floor(Math.log2(Math.abs(x)))
  return (x < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | Math.round((Math.abs(x) / 2 ** exponent - 1) * 1024)
}

const upload = (device: GPUDevice, values: Float32Array<ArrayBuffer>, storage: Storage): GPUBuffer => {
  const buffer = storageFor(device, values.length)
  // Writes are of whole words.
  const words =
    storage === 'f32'
      ? values
      : Uint16Array.from({ length: values.length + (values.length % 2) }, (_, i) => halfBits(values[i] ?? 0))
  device.queue.writeBuffer(buffer, 0, words)
  return buffer
}

const readBack = async (device: GPUDevice, source: GPUBuffer, elements: number): Promise<Float32Array> => {
  const staging = device.createBuffer({ size: 4 * elements, usage: 1 | 8 })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(source, 0, staging, 0, 4 * elements)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(1)
  const copy = new Float32Array(staging.getMappedRange().slice(0))
  staging.destroy()
  return copy
}

type Measured = { readonly way: string; readonly teraflops: number | undefined; readonly why: string | undefined }

const measureWay = async (
  { device }: Gpu,
  seconds: number,
  { name, prepare }: Way,
  contraction: Contraction,
  arrays: { readonly a: Float32Array; readonly b: Float32Array },
  operands: Operands
): Promise<Measured> => {
  device.pushErrorScope('validation')
  device.pushErrorScope('out-of-memory')
  let [teraflops, why]: [number | undefined, string | undefined] = [undefined, undefined]
  try {
    const { encode, release } = await prepare(contraction, operands)
    const encoder = device.createCommandEncoder()
    encoder.clearBuffer(operands.out)
    const pass = encoder.beginComputePass()
    encode(pass)
    pass.end()
    device.queue.submit([encoder.finish()])
    check(contraction, arrays.a, arrays.b, await readBack(device, operands.out, operands.sizes.out))
    teraflops = (2 * operands.sizes.out * contraction.k) / (await timed(device, seconds, encode)) / 1e9
    release()
  } catch (thrown) {
    why = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0]
  }
  const errors = [await device.popErrorScope(), await device.popErrorScope()].flatMap((error) => error ?? [])
  return errors.length === 0
    ? { way: name, teraflops, why }
    : { way: name, teraflops: undefined, why: errors[0].message.split('\n')[0] }
}

const measureSubject = async (
  gpu: Gpu,
  ways: ReadonlyArray<Way>,
  seconds: number,
  { contraction }: Subject
): Promise<ReadonlyArray<Measured>> => {
  const { device } = gpu
  const sizes = sizesOf(contraction)
  const arrays = { a: drawn(sizes.left, 1), b: drawn(sizes.right, 2) }
  const out = storageFor(device, sizes.out)
  const measured: Array<Measured> = []
  for (const storage of ['f32', 'f16'] as const) {
    const those = ways.filter((way) => way.storage === storage)
    if (those.length === 0) continue
    const operands = { left: upload(device, arrays.a, storage), right: upload(device, arrays.b, storage), out, sizes }
    for (const way of those) measured.push(await measureWay(gpu, seconds, way, contraction, arrays, operands))
    operands.left.destroy()
    operands.right.destroy()
  }
  out.destroy()
  return measured
}

export type Products = {
  readonly best: number
  readonly tables: ReadonlyArray<Table>
  readonly wrong: ReadonlyArray<string>
}

type Row = {
  readonly subject: Subject
  readonly measured: ReadonlyArray<Measured>
  readonly chosen: string
  readonly slices: number
}

const tableOf = (
  title: string,
  rows: ReadonlyArray<Row>,
  ways: ReadonlyArray<Way>,
  missing: ReadonlyArray<string>
): Table => {
  const failures = rows.flatMap(({ subject, measured }) =>
    measured.flatMap(({ way, why }) => (why === undefined ? [] : [`${subject.name}, ${way}: ${why}`]))
  )
  return {
    title,
    columns: ['m x n x k', 'times', 'slices', ...ways.map(({ name }) => name)],
    rows: rows.map(({ subject, measured, chosen, slices }) => [
      subject.name,
      subject.times,
      slices,
      ...ways.map(({ name }) => {
        const rate = measured.find(({ way }) => way === name)?.teraflops
        const text = rate === undefined ? '-' : digits(rate)
        return name === chosen ? `**${text}**` : text
      })
    ]),
    notes: ['TFLOP/s. The tile that is taken without a race is bold.', ...missing, ...failures]
  }
}

/** What all products of a step would take by the way that is chosen for each, and by the fastest. */
const stepSummary = (step: string, rows: ReadonlyArray<Row>): string => {
  const seconds = (pick: (row: Row) => number): number =>
    rows.reduce((sum, row) => {
      const { batch, m, n, k } = row.subject.contraction
      return sum + (2 * sizeOf(batch) * m * n * k * row.subject.times) / (pick(row) * 1e12)
    }, 0)
  const rates = (row: Row): ReadonlyArray<number> => row.measured.flatMap(({ teraflops }) => teraflops ?? [])
  const chosen = seconds(({ measured, chosen: name }) => measured.find(({ way }) => way === name)?.teraflops ?? NaN)
  const best = seconds((row) => Math.max(...rates(row)))
  return `these products of ${step}: ${digits(1000 * chosen)} ms by the tiles that are taken, ${digits(1000 * best)} ms by the fastest of each`
}

export const products = async ({ sizes, steps, seconds, half, leastShare }: ProductSettings): Promise<Products> => {
  const gpu = await openTimed(half)
  const limits: GpuLimits = gpuLimits(gpu.device.limits, gpu.facts.isSoftware, {
    precision: 'float32',
    matrices: hasMatrices(gpu.device.features, gpu.adapter.info)
  })
  const ways = await waysOn(gpu, limits.products, half)
  const measureAll = async (subjects: ReadonlyArray<Subject>): Promise<ReadonlyArray<Row>> => {
    const rows: Array<Row> = []
    for (const subject of subjects)
      rows.push({
        subject,
        measured: await measureSubject(gpu, ways.list, seconds, subject),
        chosen: tileName(chooseTile(subject.contraction, limits.products)),
        slices: slicesOf(subject.contraction, limits.products).count
      })
    return rows
  }
  try {
    const squares = await measureAll(
      sizes.map((size) => ({ name: `square ${size}`, contraction: square(size), times: 1 }))
    )
    const tables = [tableOf('Products: squares', squares, ways.list, ways.missing)]
    const all = [...squares]
    for (const step of steps) {
      const own = ownProducts(trainingOf(step), limits).filter(({ share }) => share >= leastShare)
      const rows = await measureAll(
        own.map(({ contraction, times }) => ({
          name: `${shapeOf(contraction)}, ${layoutOf(contraction)}`,
          contraction,
          times
        }))
      )
      const table = tableOf(`Products: ${nameOf(step)}`, rows, ways.list, [])
      tables.push({ ...table, notes: [...(table.notes ?? []), stepSummary(nameOf(step), rows)] })
      all.push(...rows)
    }
    const found = all.flatMap(({ measured }) => measured)
    return {
      best: Math.max(0, ...found.flatMap(({ teraflops }) => teraflops ?? [])),
      tables,
      wrong: found.flatMap(({ way, why }) => (why?.startsWith('WRONG') === true ? [`${way}: ${why}`] : []))
    }
  } finally {
    await ways.release()
    await gpu.release()
  }
}
