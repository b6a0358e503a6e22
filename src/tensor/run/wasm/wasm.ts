/**
 * The `wasm` device: fused kernels as WebAssembly SIMD in one memory, products by its own blocked kernel or another multiplier.
 *
 * Arrays that lie in the device's memory are read and written in place; others are copied in before a run and out after it.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../../dtype.js'
import { inOrder, type InOrder } from '../../in-order.js'
import { impossibleIn, type DeviceLimits } from '../../program/device-limits.js'
import { fuse } from '../../program/fuse.js'
import { panelled } from '../../program/panels.js'
import { aligned } from '../../alignment.js'
import { plan } from '../../program/plan.js'
import type { Program } from '../../program/program.js'
import { schedule } from '../../program/schedule.js'
import { checkArrays } from '../arrays.js'
import type { Compilation } from './compilation.js'
import type { DeviceError, Executable, HostDevice, Observe, ProgramArray, Running, Timing } from '../device.js'
import { hostBuffers, type HostBuffers } from '../memory/host-buffers.js'
import { lazyMemory, type Memory } from '../memory/memory.js'
import type { Contraction } from '../../program/kernel.js'
import type { Multiplier } from '../multipliers/multiplier.js'
import { once } from '../once.js'
import { settling } from '../settling.js'
import { regionIn, type Region } from '../memory/region.js'
import { wasmLimits } from './limits.js'
import {
  generate,
  link,
  ownProduct,
  scratchOf,
  takerOf,
  usualBlocks,
  type Frame,
  type Linking,
  type Launch,
  type SumBlocks
} from './launches.js'

export type WasmOptions = {
  /** The memory to work in, shared with whoever else has it; otherwise one of its own. */
  readonly memory?: Memory
  /**
   * Multiply and add with one rounding in the device's own products, where the machine does that faster. Results then
   * depend on the machine. Needs an engine with relaxed SIMD.
   */
  readonly relaxed?: boolean
  /** How long sums are cut. For tests, where small ones are to be long. */
  readonly blocks?: SumBlocks
  /** What is supposed of the machine. For tests, where small programs are to meet limits. */
  readonly limits?: DeviceLimits
}

/** What is the same for all programs of a device. */
type Context<T extends Timing> = {
  readonly timing: T
  readonly linking: IOEither<DeviceError, Linking<T>>
  readonly multiplier: Multiplier<T> | undefined
  readonly blocks: SumBlocks
  readonly limits: DeviceLimits
  readonly region: Region
  readonly dataOf: HostBuffers['dataOf']
  readonly gate: InOrder
}

type Loaded<T extends Timing> = {
  readonly program: Program
  readonly compilation: Compilation
  readonly steps: ReadonlyArray<Launch<T>>
}

const workingBytesOf = ({ plan: { arenaBytes }, scratchBytes }: Compilation): number =>
  aligned(arenaBytes) + aligned(scratchBytes)

/** A run that has begun: results of outputs that lie elsewhere are copied out by `finish`. */
type Opened = { readonly frame: Frame; readonly finish: () => void }

/** Finds a place for every buffer, and copies in the inputs that lie elsewhere. */
const open = <T extends Timing>(
  { linking, region, dataOf }: Context<T>,
  loaded: Loaded<T>,
  given: ReadonlyArray<ProgramArray>,
  wanted: ReadonlyArray<ProgramArray>
): E.Either<DeviceError, Opened> => {
  const { kernels, plan } = loaded.compilation
  const found = E.traverseArray(dataOf)([...given, ...wanted])
  if (E.isLeft(found)) return found
  const [inputs, outputs] = [found.right.slice(0, given.length), found.right.slice(given.length)]
  return pipe(
    checkArrays('wasm', loaded.program, 'float32', inputs, outputs),
    E.chain(linking),
    E.chain(({ memory }) => {
      const arrays = [...inputs, ...outputs]
      const known = arrays.map(memory.addressOf)
      const workingBytes = workingBytesOf(loaded.compilation)
      const staged = arrays.map((data, i) => (known[i] === undefined ? aligned(data.byteLength) : 0))
      return pipe(
        region.take(staged.reduce((sum, bytes) => sum + bytes, workingBytes)),
        E.map((base): Opened => {
          let next = base + workingBytes
          const bases = staged.map((bytes, i) => {
            const place = known[i] ?? next
            next += bytes
            return place
          })
          const inPlace = (i: number): Data => memory.view(kernels.buffers[i].dtype, bases[i], kernels.buffers[i].size)
          inputs.forEach((data, i) => {
            if (known[i] === undefined) inPlace(i).set(data)
          })
          const temporaries = plan.offsets.slice(arrays.length).map((offset) => base + (offset ?? 0))
          return {
            frame: { memory, bases: [...bases, ...temporaries], scratch: base + aligned(plan.arenaBytes) },
            finish: () =>
              outputs.forEach((data, i) => {
                if (known[inputs.length + i] === undefined) data.set(inPlace(inputs.length + i))
              })
          }
        })
      )
    })
  )
}

const runNow = (
  steps: ReadonlyArray<Launch<'sync'>>,
  { frame, finish }: Opened,
  observe: Observe | undefined
): E.Either<DeviceError, void> => {
  for (const [k, step] of steps.entries()) {
    const done = step(frame)?.()
    if (done !== undefined && E.isLeft(done)) return done
    observe?.(k)
  }
  return E.right(finish())
}

const runLater = async (
  steps: ReadonlyArray<Launch<'async'>>,
  { frame, finish }: Opened,
  observe: Observe | undefined
): Promise<E.Either<DeviceError, void>> => {
  for (const [k, step] of steps.entries()) {
    const done = await step(frame)?.()
    if (done !== undefined && E.isLeft(done)) return done
    observe?.(k)
  }
  return E.right(finish())
}

const run =
  <T extends Timing>(context: Context<T>, loaded: Loaded<T>): Executable<T>['run'] =>
  (inputs, outputs, observe) => {
    const opened = (): E.Either<DeviceError, Opened> => open(context, loaded, inputs, outputs)
    // The one place where a timing becomes a type: steps come from a multiplier of this timing.
    const now: IOEither<DeviceError, void> = () =>
      pipe(
        opened(),
        E.chain((o) => runNow(loaded.steps as ReadonlyArray<Launch<'sync'>>, o, observe))
      )
    // Programs share the working memory: a run that begins while another waits for its products must wait too.
    const later: TaskEither<DeviceError, void> = context.gate(async () => {
      const o = opened()
      if (E.isLeft(o)) return o
      // Awaited here, which holds the buffers among the arrays until the work is done.
      return await runLater(loaded.steps as ReadonlyArray<Launch<'async'>>, o.right, observe)
    })
    return (context.timing === 'sync' ? now : later) as Running<T, DeviceError, void>
  }

/** Decides on kernels and places, and generates the code. */
const compile = <T extends Timing>(
  { multiplier, blocks, limits }: Context<T>,
  { memory }: Linking<T>,
  program: Program
): E.Either<DeviceError, Compilation> => {
  const impossible = impossibleIn(limits)
  if (impossible !== undefined) return E.left({ _tag: 'Unsupported', device: 'wasm', ...impossible })
  const cutsRows = (contraction: Contraction): boolean => takerOf(multiplier, contraction) === undefined
  const kernels = panelled(fuse(schedule(program, limits), limits), limits, cutsRows)
  return pipe(
    generate({ memory, blocks, limits }, kernels),
    E.map((code) => ({
      ...code,
      kernels,
      plan: plan(kernels, limits),
      scratchBytes: scratchOf(kernels, { multiplier, blocks, limits })
    }))
  )
}

const load =
  <T extends Timing>(context: Context<T>): HostDevice<T>['load'] =>
  (program, given) => {
    const { linking, multiplier, limits, region } = context
    const linked = linking()
    if (E.isLeft(linked)) return linked
    const compiled = given === undefined ? compile(context, linked.right, program) : E.right(given)
    if (E.isLeft(compiled)) return compiled
    const compilation = compiled.right
    return pipe(
      link(linked.right, compilation),
      E.map((steps) => {
        const { kernels } = compilation
        const workingBytes = workingBytesOf(compilation)
        region.reserve(workingBytes)
        const multipliedBy = (contraction: Contraction): string => takerOf(multiplier, contraction)?.name ?? 'own'
        const loaded: Loaded<T> = { program, compilation, steps }
        return { program, kernels, limits, compilation, multipliedBy, workingBytes, run: run(context, loaded) }
      })
    )
  }

/**
 * WebAssembly SIMD. With a `multiplier`, that multiplies the matrices that it `takes` and the device the others; the device is
 * then synchronous exactly when the multiplier is. Releasing the device gives back the memory that it worked in, and releases the
 * multiplier.
 *
 * Loading a program fails with `DeviceFailed` where the engine has not the instructions. It takes no memory, so that a program can be
 * explained that no memory holds: its runs fail with `OutOfMemory`, which keeps no other program from running.
 */
export function wasm(options?: WasmOptions): HostDevice<'sync'>
export function wasm<T extends Timing>(options: WasmOptions & { readonly multiplier: Multiplier<T> }): HostDevice<T>
export function wasm<T extends Timing>(
  options: WasmOptions & { readonly multiplier?: Multiplier<T> } = {}
): HostDevice<T> {
  const { multiplier, blocks = usualBlocks } = options
  const memory = lazyMemory(options.memory)
  const region = regionIn(memory)
  const timing = (multiplier?.timing ?? 'sync') as T
  const given = options.limits ?? wasmLimits
  // Panels take the turns of a product and a loop at once: an asynchronous multiplier would be waited for at each.
  const limits: DeviceLimits = timing === 'sync' ? given : { ...given, panels: undefined }
  const linking = once(() =>
    pipe(
      memory(),
      E.chainW((held) =>
        pipe(
          ownProduct(held, options.relaxed === true),
          E.map((own): Linking<T> => ({ memory: held, own, multiplier, blocks, limits }))
        )
      )
    )
  )
  const { allocate, allocateBlock, write, read, dataOf } = hostBuffers('wasm', 'float32', memory)
  const timed = <Args extends ReadonlyArray<unknown>, A>(ask: (...args: Args) => IOEither<DeviceError, A>) =>
    (timing === 'sync' ? ask : settling(ask)) as (...args: Args) => Running<T, DeviceError, A>
  return {
    name: 'wasm',
    multiplier: multiplier?.name ?? 'own',
    timing,
    floats: 'float32',
    limits,
    memory,
    allocate: timed(allocate),
    allocateBlock: timed(allocateBlock),
    write: timed(write),
    read: timed(read),
    load: load({ timing, linking, multiplier, blocks, limits, region, dataOf, gate: inOrder() }),
    release: () => {
      region.release()
      return multiplier?.release() ?? Promise.resolve()
    }
  }
}
