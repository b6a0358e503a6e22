/**
 * Kernels as WebAssembly functions: fused loops, and random bits.
 *
 * A function takes i32s: the range `lo` to before `hi` of the first axis, the address of scratch, and the addresses of its
 * buffers. A loop of one axis is one row: its range is 0 to 1. What a loop combines into is set to the identity when `lo` is 0,
 * so that ranges one after another give the bits of the whole. Random bits are always drawn whole.
 *
 * Extents, strides and constants are in the code. Kernels that differ only in their buffers share one function.
 */

import type { Reduction } from '../../elementwise.js'
import type { Costs } from '../../program/device-limits.js'
import {
  loopWithBuffers,
  mapAccesses,
  randomWithBuffers,
  readsOfFused,
  writesOfFused,
  type FusedLoop
} from '../../program/fused.js'
import type { BufferSpec, Random } from '../../program/kernel.js'
import { when } from './assembler.js'
import type { Code, Local, ModuleDraft, Scope } from './assembler.js'
import * as i32 from './assembler/i32.js'
import { spellNumber } from '../../program/serialise.js'
import { mathLibrary, type MathLibrary } from './math.js'
import { fillIdentity } from './fill.js'
import { nestOver } from './nest.js'
import { randomCode } from './random.js'
import { keptBytes, rowCode } from './row.js'
import { additions, bytesOfSums, longSumsOf, sumsOf } from './sums.js'

/** Bytes of scratch that the function of a loop uses. */
export const scratchBytes = (loop: FusedLoop, costs: Costs, block = additions): number => {
  const kept = keptBytes(loop, costs)
  return kept + bytesOfSums(longSumsOf(nested(loop), block, kept))
}

export type EmittedKernel = {
  /** What the function is exported as. */
  readonly name: string
  /** The buffers that its last arguments are the addresses of, in order. */
  readonly buffers: ReadonlyArray<number>
}

/** The loop with an axis around its row. */
const nested = (loop: FusedLoop): FusedLoop => {
  if (loop.extents.length > 1) return loop
  const moved = mapAccesses(loop, ({ offset, strides }) => ({ offset, strides: [0, ...strides] }))
  return { ...moved, extents: [1, ...loop.extents] }
}

/** In order of first use. */
const buffersOf = (kernel: FusedLoop | Random): ReadonlyArray<number> => [
  ...new Set([...readsOfFused(kernel), ...writesOfFused(kernel)])
]

const withBuffers = (kernel: FusedLoop | Random, number: (buffer: number) => number): FusedLoop | Random =>
  kernel._tag === 'random' ? randomWithBuffers(kernel, number) : loopWithBuffers(kernel, number)

type Filled = { readonly buffer: number; readonly fn: Reduction; readonly spec: BufferSpec }

/** The buffers that a kernel combines into. */
const filledBy = (kernel: FusedLoop | Random, specs: ReadonlyArray<BufferSpec>): ReadonlyArray<Filled> => {
  if (kernel._tag === 'random') return []
  const combined = kernel.stores.flatMap(({ buffer, combine }) =>
    combine === undefined ? [] : [[buffer, combine] as const]
  )
  return [...new Map(combined)].map(([buffer, fn]) => ({ buffer, fn, spec: specs[buffer] }))
}

type Emitting = {
  readonly draft: ModuleDraft
  readonly math: MathLibrary
  readonly costs: Costs
  readonly block: number
}

const loopCode = (
  loop: FusedLoop,
  filled: ReadonlyArray<Filled>,
  { draft, math, costs, block }: Emitting,
  scope: Scope
): Code => {
  const [lo, hi, scratch, ...addresses] = scope.params
  const address = (buffer: number): Local => addresses[buffer]
  const nest = nestOver(loop.extents.slice(0, -1), scope)
  const long = longSumsOf(loop, block, keptBytes(loop, costs))
  const sums = sumsOf(long, { scope, nest, draft, block, scratch, address })
  const row = rowCode({ loop, costs, scope, nest, math, scratch, address, sums })
  const fills = filled.map(({ buffer, fn, spec }) => fillIdentity(scope, fn, spec, address(buffer)))
  // A range of nothing comes after the last row, too.
  const isLast = i32.and(i32.eq(hi, i32.const(loop.extents[0])), i32.ltU(lo, hi))
  return [
    fills.length > 0 ? when(i32.eqz(lo), [fills, sums.start]) : [],
    nest.around(lo, hi, row),
    long.length > 0 ? when(isLast, sums.finish) : []
  ]
}

/** Adds the functions of kernels to a module, as it meets them. `block` is how many additions to one element are made in f32. */
export const kernelEmitter = (
  draft: ModuleDraft,
  costs: Costs,
  block = additions
): ((kernel: FusedLoop | Random, buffers: ReadonlyArray<BufferSpec>) => EmittedKernel) => {
  const math = mathLibrary(draft)
  const known = new Map<string, string>()
  return (kernel, specs) => {
    const buffers = buffersOf(kernel)
    const plain = withBuffers(kernel, (buffer) => buffers.indexOf(buffer))
    const filled = filledBy(
      plain,
      buffers.map((buffer) => specs[buffer])
    )
    const key = JSON.stringify([plain, filled], spellNumber)
    const old = known.get(key)
    if (old !== undefined) return { name: old, buffers }
    const name = `kernel${known.size}`
    draft.add({
      name,
      params: ['i32', 'i32', 'i32', ...buffers.map(() => 'i32' as const)],
      results: [],
      body: (scope) =>
        plain._tag === 'random'
          ? randomCode(scope, plain, (buffer) => scope.params[3 + buffer])
          : loopCode(nested(plain), filled, { draft, math, costs, block }, scope)
    })
    known.set(key, name)
    return { name, buffers }
  }
}
