/**
 * Kernels of a GPU carried out literally, one point after another: what `gpu-kernel.ts` says, as code.
 */

import type { Data, DType } from '../../../../src/tensor/dtype.js'
import { reductionIdentity } from '../../../../src/tensor/elementwise.js'
import {
  roles,
  type FinishKernel,
  type GatheredSumsKernel,
  type GpuKernel,
  type LinksKernel,
  type RowKernel,
  type SpreadKernel
} from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { range } from '../../../../src/tensor/range.js'
import { sizeOf } from '../../../../src/tensor/shape.js'
import { combine, element, place, points, rounded, rowValues, runKernel } from '../interpret.js'

type Arrays = ReadonlyArray<Data>

const runRow = ({ loop, accumulations, kept, chunks, chunkRows }: RowKernel, arrays: Arrays): void => {
  runKernel(loop, arrays)
  const { extents, body } = loop
  const row = extents.length - 1
  for (const outer of points(extents.slice(0, kept))) {
    let number = 0
    for (const reduced of points(extents.slice(kept, -1))) {
      const [chunk, isFirst] = [Math.floor(number / chunkRows), number % chunkRows === 0]
      if (chunk >= chunks) throw new Error(`row ${number} is in none of ${chunks} chunks`)
      const x = [...outer, ...reduced]
      const values = rowValues(loop, x, arrays)
      for (const { value, fn, buffer, at, size } of accumulations)
        for (const i of range(at.strides[row] === 0 ? 1 : extents[row])) {
          const p = chunk * size + place(at, [...x, i])
          const so = values[i][value]
          arrays[buffer][p] = isFirst ? so : rounded(body[value].dtype, combine(fn, arrays[buffer][p], so))
        }
      number++
    }
  }
}

const runFinish = (kernel: FinishKernel, arrays: Arrays): void => {
  const { fn, dtype, partials, chunks, size, extents, from, out, at, epilogue } = kernel
  for (const x of points(extents))
    arrays[out][place(at, x)] = range(chunks)
      .map((chunk) => arrays[partials][chunk * size + place(from, x)])
      .reduce((whole, part) => rounded(dtype, combine(fn, whole, part)), reductionIdentity(fn, dtype))
  if (epilogue !== undefined) runKernel(epilogue.loop, arrays)
}

const runLinks = ({ indices, links, points: count, block, extent }: LinksKernel, arrays: Arrays): void => {
  const index = arrays[indices].subarray(0, count)
  const blockOf = (q: number): number => Math.floor(q / block)
  const isSame = (q: number, p: number): boolean => index[q] === index[p]
  for (const p of range(count)) {
    const isThere = index[p] >= 0 && index[p] < extent
    const later = range(count).filter((q) => isThere && q > p && isSame(q, p))
    const sooner = range(p).filter((q) => isThere && isSame(q, p))
    const inBlock = sooner.some((q) => blockOf(q) === blockOf(p))
    const role = inBlock ? 'follower' : sooner.length > 0 ? 'leader' : 'first'
    const next = later.find((q) => blockOf(q) === blockOf(p)) ?? count
    const jump = inBlock ? count : (later.find((q) => blockOf(q) > blockOf(p)) ?? count)
    arrays[links].set([next, jump, roles[isThere ? role : 'absent']], 3 * p)
  }
}

/** The points that a link leads to, one after the other. */
const chain = (links: Data, from: number, link: 0 | 1, count: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let q = from; q < count; q = links[3 * q + link]) found.push(q)
  return found
}

const sumOf = (dtype: DType, terms: ReadonlyArray<number>): number =>
  terms.reduce((sum, term) => rounded(dtype, sum + term), 0)

const runGatheredSums = (kernel: GatheredSumsKernel, arrays: Arrays): void => {
  const { extents, pointAxes, body, value, links, sums } = kernel
  const places = [...points(extents.slice(0, pointAxes))].length
  const coordinates = Array.from(points(extents.slice(0, pointAxes)), (x) => [...x])
  const inner = Array.from(points(extents.slice(pointAxes)), (x) => [...x])
  const valueAt = (x: ReadonlyArray<number>): number => {
    const values: Array<number> = []
    for (const step of body) {
      if (step._tag === 'fold') throw new Error('a fold in a scatter-add')
      values.push(rounded(step.dtype, element(step, values, x, arrays)))
    }
    return values[value]
  }
  for (const p of range(places)) {
    if (arrays[links][3 * p + 2] < roles.leader) continue
    inner.forEach((x, i) => {
      const terms = chain(arrays[links], p, 0, places).map((q) => valueAt([...coordinates[q], ...x]))
      arrays[sums][p * inner.length + i] = sumOf(body[value].dtype, terms)
    })
  }
}

const runSpread = (kernel: SpreadKernel, arrays: Arrays): void => {
  const { dtype, indices, links, sums, points: count, extents, out, at, stride } = kernel
  const inner = sizeOf(extents)
  for (const p of range(count)) {
    if (arrays[links][3 * p + 2] !== roles.first) continue
    let i = 0
    for (const x of points(extents)) {
      const terms = chain(arrays[links], p, 1, count).map((q) => arrays[sums][q * inner + i])
      arrays[out][place(at, x) + arrays[indices][p] * stride] = sumOf(dtype, terms)
      i++
    }
  }
}

/** Carries out one kernel on the arrays of all buffers. */
export const runGpuKernel = (kernel: GpuKernel, arrays: Arrays): void => {
  switch (kernel._tag) {
    case 'map':
      return runKernel(kernel.loop, arrays)
    case 'row':
      return runRow(kernel, arrays)
    case 'finish':
      return runFinish(kernel, arrays)
    case 'links':
      return runLinks(kernel, arrays)
    case 'gatheredSums':
      return runGatheredSums(kernel, arrays)
    case 'spread':
      return runSpread(kernel, arrays)
    case 'contraction':
    case 'random':
      return runKernel(kernel, arrays)
  }
}

/** The buffers that a kernel binds, each once. */
export const boundByGpu = (kernel: GpuKernel): ReadonlySet<number> => {
  const read = (body: ReadonlyArray<object>): ReadonlyArray<number> =>
    body.flatMap((step) => ('buffer' in step && typeof step.buffer === 'number' ? [step.buffer] : []))
  switch (kernel._tag) {
    case 'map':
      return new Set(read([...kernel.loop.body, ...kernel.loop.stores]))
    case 'row':
      return new Set(read([...kernel.loop.body, ...kernel.loop.stores, ...kernel.accumulations]))
    case 'finish':
      return new Set([kernel.partials, kernel.out])
    case 'links':
      return new Set([kernel.indices, kernel.links])
    case 'gatheredSums':
      return new Set([...read(kernel.body), kernel.links, kernel.sums])
    case 'spread':
      return new Set([kernel.indices, kernel.links, kernel.sums, kernel.out])
    case 'contraction':
      return new Set([kernel.left, kernel.right, kernel.out])
    case 'random':
      return new Set([kernel.key.buffer, kernel.counter.buffer, kernel.out])
  }
}
