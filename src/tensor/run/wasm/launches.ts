/**
 * Fused kernels ready to run on one memory: generated code, compiled and linked, and products with whoever multiplies them.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { moduleDraft, type ModuleDraft } from '../../emit/wasm/assembler.js'
import { kernelEmitter, scratchBytes, type EmittedKernel } from '../../emit/wasm/loop.js'
import { addProduct, blockDepth, packing, productScratchBytes, type Packing } from '../../emit/wasm/product.js'
import { additions } from '../../emit/wasm/sums.js'
import type { FusedKernel, FusedLoop, FusedProgram, Panels } from '../../program/fused.js'
import type { Contraction, Product, Random } from '../../program/kernel.js'
import type { DeviceLimits } from '../../program/device-limits.js'
import { aligned } from '../../alignment.js'
import { range } from '../../range.js'
import { reasonOf } from '../../reason.js'
import { sizeOf } from '../../shape.js'
import type { Compilation } from './compilation.js'
import type { DeviceError, Running, Timing } from '../device.js'
import type { Memory } from '../memory/memory.js'
import type { Multiplier, Multiply } from '../multipliers/multiplier.js'

export type WasmFunction = (...args: ReadonlyArray<number>) => void

/** Where everything lies during one run: byte addresses. */
export type Frame = {
  readonly memory: Memory
  /** Of each buffer of the program. */
  readonly bases: ReadonlyArray<number>
  readonly scratch: number
}

/** One kernel, ready to run: `undefined` where it is done at once, else what is still under way. */
export type Launch<T extends Timing> = (frame: Frame) => Running<T, DeviceError, void> | undefined

const failed = (thrown: unknown): DeviceError => ({ _tag: 'DeviceFailed', device: 'wasm', reason: reasonOf(thrown) })

/** Compiles a module for such a memory; throws nothing. */
const compiled = ({ bytes }: ModuleDraft, { isShared }: Memory): E.Either<DeviceError, WebAssembly.Module> =>
  E.tryCatch(() => new WebAssembly.Module(bytes(isShared)), failed)

/** Links a module; throws nothing. */
const instantiate =
  ({ wasm }: Memory) =>
  (module: WebAssembly.Module): E.Either<DeviceError, (name: string) => WasmFunction> =>
    E.tryCatch(() => {
      const instance = new WebAssembly.Instance(module, { env: { memory: wasm } })
      return (name) => instance.exports[name] as WasmFunction
    }, failed)

/** The device's own product as a function. Fails with `DeviceUnavailable` where it is to be relaxed and the engine cannot. */
export const ownProduct = (memory: Memory, relaxed: boolean): E.Either<DeviceError, WasmFunction> => {
  const draft = moduleDraft()
  addProduct(draft, { relaxed })
  if (relaxed && !WebAssembly.validate(draft.bytes(memory.isShared)))
    return E.left({
      _tag: 'DeviceUnavailable',
      wanted: 'relaxed SIMD',
      reason: 'this engine has not its instructions (Node 20 has them with --experimental-wasm-relaxed-simd)',
      available: ['the device wasm without it']
    })
  return pipe(
    compiled(draft, memory),
    E.chain(instantiate(memory)),
    E.map((exported) => exported('product'))
  )
}

// ------------------------------------------------------------------ products

/** Elements from the start of each array at which one matrix of a batch begins. */
type BatchOffsets = { readonly left: number; readonly right: number; readonly out: number }

const placesOf = ({ batch, m, n, left, right }: Contraction): ReadonlyArray<BatchOffsets> => {
  const index = batch.map(() => 0)
  const at = (offset: number, strides: ReadonlyArray<number>): number =>
    strides.reduce((sum, s, axis) => sum + s * index[axis], offset)
  return range(sizeOf(batch)).map((b) => {
    const place = { left: at(left.offset, left.batch), right: at(right.offset, right.batch), out: b * m * n }
    for (let axis = batch.length - 1; axis >= 0 && ++index[axis] === batch[axis]; axis--) index[axis] = 0
    return place
  })
}

/** Of each product of a batch, what becomes of its right operand: it is packed once for neighbours that have it in common. */
const packingsOf = (places: ReadonlyArray<BatchOffsets>): ReadonlyArray<Packing> =>
  places.map(({ right }, i) => {
    if (i > 0 && places[i - 1].right === right) return packing.found
    return i + 1 < places.length && places[i + 1].right === right ? packing.kept : packing.forgotten
  })

/** How long sums are cut: see `emit/wasm/sums.ts` for those of rows. Bits depend on it, so it is the same for all who share work. */
export type SumBlocks = {
  /** Additions of f32 to one element of a sum over rows before it moves to a double. */
  readonly additions: number
  /**
   * Products of one element of a matrix product that are added up by themselves. A product adds the sums of blocks of `blockDepth`
   * one after another, and beyond as many of those as a block has products they would lose their way.
   */
  readonly products: number
}

export const usualBlocks: SumBlocks = { additions, products: blockDepth * blockDepth }

const isLong = ({ k }: Contraction, { products }: SumBlocks): boolean => k > products

/** A long product has room for one more result, and packs its operands block by block. */
const ownScratchBytes = (contraction: Contraction, blocks: SumBlocks): number => {
  if (!isLong(contraction, blocks))
    return productScratchBytes(contraction, packingsOf(placesOf(contraction)).includes(packing.kept))
  const { m, n } = contraction
  return aligned(4 * m * n) + productScratchBytes({ m, n, k: blocks.products })
}

/** One matrix of a batch by itself. */
const matrixAt = ({ m, n, k, left, right }: Contraction, place: BatchOffsets): Contraction => ({
  batch: [],
  m,
  n,
  k,
  left: { ...left, offset: place.left, batch: [] },
  right: { ...right, offset: place.right, batch: [] }
})

/** Multiplies the matrices of one place into `out`, an address. */
type MultiplyAt<T extends Timing> = (frame: Frame, out: number) => Running<T, DeviceError, void> | undefined

const multiplyOwn = (
  { own, blocks }: Pick<Linking<Timing>, 'own' | 'blocks'>,
  { left, right, contraction: c }: Product,
  place: BatchOffsets,
  packs: Packing
): ((frame: Frame, out: number) => undefined) => {
  const resultBytes = aligned(4 * c.m * c.n)
  return ({ memory, bases, scratch }, out) => {
    const multiply = (first: number, k: number, to: number, packed: number, how: Packing): void =>
      own(
        bases[left] + 4 * (place.left + first * c.left.column),
        bases[right] + 4 * (place.right + first * c.right.row),
        to,
        packed,
        c.m,
        c.n,
        k,
        c.left.row,
        c.left.column,
        c.right.row,
        c.right.column,
        c.n,
        how
      )
    if (!isLong(c, blocks)) {
      multiply(0, c.k, out, scratch, packs)
      return undefined
    }
    const packed = scratch + resultBytes
    const [sums, more] = [out, scratch].map((address) => memory.view('f32', address, c.m * c.n))
    multiply(0, blocks.products, out, packed, packing.forgotten)
    for (let first = blocks.products; first < c.k; first += blocks.products) {
      multiply(first, Math.min(blocks.products, c.k - first), scratch, packed, packing.forgotten)
      for (let i = 0; i < sums.length; i++) sums[i] += more[i]
    }
    return undefined
  }
}

const multiplyWith =
  <T extends Timing>(
    multiply: Multiply<T>,
    { left, right }: Product,
    [leftSize, rightSize, outSize]: readonly [number, number, number]
  ): MultiplyAt<T> =>
  ({ memory, bases }, out) => {
    const view = (address: number, size: number): Float32Array => memory.view('f32', address, size) as Float32Array
    return multiply(view(bases[left], leftSize), view(bases[right], rightSize), view(out, outSize))
  }

// ------------------------------------------------------------------ programs

/** What steps are made with. */
export type Linking<T extends Timing> = {
  readonly memory: Memory
  readonly own: WasmFunction
  readonly multiplier: Multiplier<T> | undefined
  readonly blocks: SumBlocks
  readonly limits: DeviceLimits
}

/** Who is handed a contraction; `undefined` where the device multiplies it itself. */
export const takerOf = <T extends Timing>(
  multiplier: Multiplier<T> | undefined,
  contraction: Contraction
): Multiplier<T> | undefined => (multiplier?.takes?.(contraction) === false ? undefined : multiplier)

/** The products of a kernel. */
const productOf = (kernel: FusedKernel): Product | undefined =>
  kernel._tag === 'contraction' ? kernel : kernel._tag === 'panels' ? kernel.product : undefined

/** The part of a kernel that is generated code. */
const codeOf = (kernel: FusedKernel): FusedLoop | Random | undefined => {
  switch (kernel._tag) {
    case 'loop':
    case 'random':
      return kernel
    case 'panels':
      return kernel.loop
    case 'contraction':
      return undefined
  }
}

/** Bytes of scratch of a kernel's own products, which comes before that of its code. */
const scratchOfProducts = <T extends Timing>(
  kernel: FusedKernel,
  { multiplier, blocks }: Pick<Linking<T>, 'multiplier' | 'blocks'>
): number => {
  const contraction = productOf(kernel)?.contraction
  return contraction !== undefined && takerOf(multiplier, contraction) === undefined
    ? aligned(ownScratchBytes(contraction, blocks))
    : 0
}

/** Bytes of scratch that the kernels need, one at a time. */
export const scratchOf = <T extends Timing>(
  { kernels }: FusedProgram,
  linking: Pick<Linking<T>, 'multiplier' | 'blocks' | 'limits'>
): number =>
  kernels.reduce((most, kernel) => {
    const code = codeOf(kernel)
    const forCode = code?._tag === 'loop' ? scratchBytes(code, linking.limits.costs, linking.blocks.additions) : 0
    return Math.max(most, scratchOfProducts(kernel, linking) + forCode)
  }, 0)

const prepareProduct = <T extends Timing>(
  linking: Linking<T>,
  { buffers }: FusedProgram,
  product: Product,
  contraction: Contraction,
  place: BatchOffsets,
  packs: Packing
): E.Either<DeviceError, MultiplyAt<T>> => {
  const taker = takerOf(linking.multiplier, product.contraction)
  if (taker === undefined) return E.right(multiplyOwn(linking, product, place, packs))
  const { batch, m, n } = contraction
  const sizes = [buffers[product.left].size, buffers[product.right].size, sizeOf(batch) * m * n] as const
  return pipe(
    taker.prepare(contraction),
    E.map((multiply) => multiplyWith(multiply, product, sizes))
  )
}

const contractionStep = <T extends Timing>(
  linking: Linking<T>,
  program: FusedProgram,
  product: Product
): E.Either<DeviceError, Launch<T>> => {
  const { contraction, out } = product
  const places = placesOf(contraction)
  if (takerOf(linking.multiplier, contraction) !== undefined)
    return pipe(
      prepareProduct(linking, program, product, contraction, places[0], packing.forgotten),
      E.map(
        (multiply): Launch<T> =>
          (frame) =>
            multiply(frame, frame.bases[out])
      )
    )
  const packings = packingsOf(places)
  const multiply = places.map((place, i) => multiplyOwn(linking, product, place, packings[i]))
  return E.right((frame) => {
    places.forEach((place, i) => multiply[i](frame, frame.bases[out] + 4 * place.out))
    return undefined
  })
}

/** Calls a kernel's function for a range of its first axis. */
type Call = (frame: Frame, lo: number, hi: number, bases: ReadonlyArray<number>) => void

const callOf = (exported: (name: string) => WasmFunction, { name, buffers }: EmittedKernel): Call => {
  const run = exported(name)
  return ({ scratch }, lo, hi, bases) => run(lo, hi, scratch, ...buffers.map((buffer) => bases[buffer]))
}

const panelsStep = (
  linking: Linking<'sync'>,
  program: FusedProgram,
  kernel: Panels,
  call: Call
): E.Either<DeviceError, Launch<'sync'>> => {
  const { product, rows, batches, isLocal } = kernel
  const { contraction, out } = product
  const matrix = 4 * contraction.m * contraction.n
  const places = placesOf(contraction)
  const packings = packingsOf(places)
  const ofProducts = scratchOfProducts(kernel, linking)
  return pipe(
    places,
    E.traverseArrayWithIndex((i, place) =>
      prepareProduct(linking, program, product, matrixAt(contraction, place), place, packings[i])
    ),
    E.map((multiply): Launch<'sync'> => (frame) => {
      const ofLoop = { ...frame, scratch: frame.scratch + ofProducts }
      const bases = [...frame.bases]
      for (let p = 0; p * batches < multiply.length; p++) {
        const first = p * batches
        // A local result has room for one panel, which the loop sees at the place of all of them.
        const panel = frame.bases[out] + (isLocal ? 0 : first * matrix)
        for (let b = 0; b < batches; b++) {
          const running = multiply[first + b](frame, panel + b * matrix)
          const done = running?.()
          if (done !== undefined && E.isLeft(done)) return () => done
        }
        bases[out] = panel - first * matrix
        call(ofLoop, p * rows, (p + 1) * rows, bases)
      }
      return undefined
    })
  )
}

/** Generates and compiles the code of a program's kernels, for memories like this one. */
export const generate = (
  { memory, blocks, limits }: Pick<Linking<Timing>, 'memory' | 'blocks' | 'limits'>,
  program: FusedProgram
): E.Either<DeviceError, Pick<Compilation, 'module' | 'emitted'>> => {
  const draft = moduleDraft()
  const emit = kernelEmitter(draft, limits.costs, blocks.additions)
  const emitted = program.kernels.map((kernel) => {
    const code = codeOf(kernel)
    return code && emit(code, program.buffers)
  })
  return pipe(
    compiled(draft, memory),
    E.map((module) => ({ module, emitted }))
  )
}

/** Links the code of a program's kernels. Panels are for synchronous multipliers. */
export const link = <T extends Timing>(
  linking: Linking<T>,
  { kernels: program, module, emitted }: Compilation
): E.Either<DeviceError, ReadonlyArray<Launch<T>>> => {
  const stepOf = (
    exported: (name: string) => WasmFunction,
    k: number,
    kernel: FusedKernel
  ): E.Either<DeviceError, Launch<T>> => {
    if (kernel._tag === 'contraction') return contractionStep(linking, program, kernel)
    const call = callOf(exported, emitted[k] ?? { name: '', buffers: [] })
    // `panelled` is only for synchronous devices.
    if (kernel._tag === 'panels')
      return panelsStep(linking as unknown as Linking<'sync'>, program, kernel, call) as E.Either<
        DeviceError,
        Launch<T>
      >
    const rows = kernel._tag === 'loop' && kernel.extents.length > 1 ? kernel.extents[0] : 1
    return E.right((frame) => {
      call(frame, 0, rows, frame.bases)
      return undefined
    })
  }
  return pipe(
    module,
    instantiate(linking.memory),
    E.chain((exported) =>
      E.traverseArrayWithIndex((k, kernel: FusedKernel) => stepOf(exported, k, kernel))(program.kernels)
    )
  )
}
