/**
 * Emitted kernels on memory of their own, with guards around every buffer.
 */

import { bytesPerElement, viewOf, type Data } from '../../../../src/tensor/dtype.js'
import { maximumPages, moduleDraft } from '../../../../src/tensor/emit/wasm/assembler.js'
import { kernelEmitter, scratchBytes } from '../../../../src/tensor/emit/wasm/loop.js'
import type { FusedLoop } from '../../../../src/tensor/program/fused.js'
import type { BufferSpec, Random } from '../../../../src/tensor/program/kernel.js'
import { wasmLimits } from '../../../../src/tensor/run/wasm/limits.js'

const guard = 0xa5
const page = 65_536

/** Engines have room for few memories: tests with many kernels share one. */
export const memoryOf = (pages: number): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: pages, maximum: maximumPages })

const aligned = (bytes: number): number => Math.ceil(bytes / 4) * 4

/** An emitted kernel with memory of its own. */
export type Emitted = {
  /** Views of the buffers. */
  readonly data: ReadonlyArray<Data>
  readonly run: (lo: number, hi: number) => void
  /** Whether only bytes of buffers and scratch were written. */
  readonly isContained: () => boolean
}

/**
 * Buffers are packed 4 bytes apart or so, with guard bytes between; buffer `last` ends where the memory ends. `block` is how many
 * additions to one element are made in f32.
 */
export const emit = (
  kernel: FusedLoop | Random,
  specs: ReadonlyArray<BufferSpec>,
  last = 0,
  memory = memoryOf(4),
  block?: number
): Emitted => {
  const draft = moduleDraft()
  const { name, buffers } = kernelEmitter(draft, wasmLimits.costs, block)(kernel, specs)
  const scratch = kernel._tag === 'loop' ? scratchBytes(kernel, wasmLimits.costs, block) : 0
  const sizes = specs.map(({ dtype, size }) => size * bytesPerElement(dtype))
  const gap = 20
  const total = sizes.reduce((sum, size) => sum + aligned(size) + gap, 0) + scratch + 2 * gap
  const missing = total - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / page))
  const bytes = new Uint8Array(memory.buffer)
  const offsets: Array<number> = []
  let next = gap
  sizes.forEach((size, i) => {
    offsets.push(i === last ? bytes.length - aligned(size) : next)
    if (i !== last) next += aligned(size) + gap
  })
  const scratchAt = next
  bytes.fill(guard)
  const module = new WebAssembly.Module(draft.bytes(false))
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const call = exports[name] as (...args: ReadonlyArray<number>) => void
  const isOurs = new Uint8Array(bytes.length)
  offsets.forEach((from, i) => isOurs.fill(1, from, from + sizes[i]))
  isOurs.fill(1, scratchAt, scratchAt + scratch)
  return {
    data: specs.map(({ dtype, size }, i) => viewOf(dtype, memory.buffer, offsets[i], size)),
    run: (lo, hi) => call(lo, hi, scratchAt, ...buffers.map((buffer) => offsets[buffer])),
    isContained: () => bytes.every((byte, i) => isOurs[i] === 1 || byte === guard)
  }
}
