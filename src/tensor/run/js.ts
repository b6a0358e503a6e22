/**
 * The `js` device: kernels compiled to JavaScript functions over typed arrays, products by a multiplier.
 *
 * f32 values inside one kernel are computed in double precision and rounded where they are stored, so results agree with
 * the reference device to f32 rounding, integers and bools exactly.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { viewOf, type Data } from '../dtype.js'
import { emitKernel } from '../emit/js.js'
import { scalarNames, type ScalarName } from '../emit/js-scalar.js'
import { explainKernels } from '../program/explain.js'
import type { Kernel, KernelProgram } from '../program/kernel.js'
import { plan } from '../program/plan.js'
import { inOrder, type InOrder } from '../in-order.js'
import { reasonOf } from '../reason.js'
import type { Program } from '../program/program.js'
import { schedule } from '../program/schedule.js'
import { checkArrays } from './arrays.js'
import type { Device, DeviceError, Executable, Running, Timing } from './device.js'
import { erfSingle } from './erf-single.js'
import type { Multiplier, Multiply } from './multiplier.js'
import { floatUnary } from './scalar.js'

type Compiled = (...buffers: ReadonlyArray<Data>) => void

/** One kernel, ready to run: on arrays in the order of `buffers`. */
type Step<T extends Timing> =
  | { readonly _tag: 'code'; readonly run: Compiled; readonly buffers: ReadonlyArray<number> }
  | {
      readonly _tag: 'product'
      readonly multiply: Multiply<T>
      readonly left: number
      readonly right: number
      readonly out: number
    }

const scalars: Record<ScalarName, (x: number) => number> = {
  erf: erfSingle,
  sigmoid: floatUnary.sigmoid,
  softplus: floatUnary.softplus
}

/** Compiles texts, each distinct one once: a stack of equal layers shares its functions. */
const compiler = (): ((source: string) => Compiled) => {
  const compiled = new Map<string, Compiled>()
  return (source) => {
    const old = compiled.get(source)
    if (old !== undefined) return old
    // The text is `emit/`'s own, made from a program's numbers; no string of a program gets into it.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- compiling text is what this device does
    const make = new Function(...scalarNames, source) as (...fs: ReadonlyArray<(x: number) => number>) => Compiled
    const made = make(...scalarNames.map((name) => scalars[name]))
    compiled.set(source, made)
    return made
  }
}

const failed = (thrown: unknown): DeviceError => ({
  _tag: 'DeviceFailed',
  device: 'js',
  reason: reasonOf(thrown)
})

const prepare = <T extends Timing>(
  program: KernelProgram,
  multiplier: Multiplier<T>
): E.Either<DeviceError, ReadonlyArray<Step<T>>> => {
  const compile = compiler()
  const step = (kernel: Kernel): E.Either<DeviceError, Step<T>> => {
    switch (kernel._tag) {
      case 'contraction': {
        const { left, right, out, contraction } = kernel
        return E.map((multiply: Multiply<T>): Step<T> => ({ _tag: 'product', multiply, left, right, out }))(
          multiplier.prepare(contraction)
        )
      }
      case 'loop':
      case 'scatter':
      case 'random':
        // Where generated code is forbidden (a content security policy), the engine throws here.
        return E.tryCatch(() => {
          const { source, buffers } = emitKernel(kernel, program.buffers)
          return { _tag: 'code', run: compile(source), buffers }
        }, failed)
    }
  }
  return E.traverseArray(step)(program.kernels)
}

/** The temporaries, as views of one arena. */
const temporariesOf = (
  program: KernelProgram
): { readonly arenaBytes: number; readonly arrays: ReadonlyArray<Data> } => {
  const { offsets, arenaBytes } = plan(program)
  const arena = new ArrayBuffer(arenaBytes)
  const first = program.inputs + program.outputs
  const arrays = program.buffers.slice(first).map(({ dtype, size }, i) => {
    const offset = offsets[first + i]
    return offset === undefined ? viewOf(dtype, arena, 0, 0) : viewOf(dtype, arena, offset, size)
  })
  return { arenaBytes, arrays }
}

const runCode = (
  { run, buffers }: Extract<Step<Timing>, { readonly _tag: 'code' }>,
  arrays: ReadonlyArray<Data>
): void => run(...buffers.map((buffer) => arrays[buffer]))

const product = <T extends Timing>(
  { multiply, left, right, out }: Extract<Step<T>, { readonly _tag: 'product' }>,
  arrays: ReadonlyArray<Data>
): Running<T, DeviceError, void> =>
  // Contractions are of f32 only, and this device holds f32 in Float32Arrays.
  multiply(arrays[left] as Float32Array, arrays[right] as Float32Array, arrays[out] as Float32Array)

const runNow = (steps: ReadonlyArray<Step<'sync'>>, arrays: ReadonlyArray<Data>): E.Either<DeviceError, void> => {
  for (const step of steps) {
    if (step._tag === 'code') runCode(step, arrays)
    else {
      const done = product(step, arrays)()
      if (E.isLeft(done)) return done
    }
  }
  return E.right(undefined)
}

const runLater = async (
  steps: ReadonlyArray<Step<'async'>>,
  arrays: ReadonlyArray<Data>
): Promise<E.Either<DeviceError, void>> => {
  for (const step of steps) {
    if (step._tag === 'code') runCode(step, arrays)
    else {
      const done = await product(step, arrays)()
      if (E.isLeft(done)) return done
    }
  }
  return E.right(undefined)
}

/** The one place where a timing becomes a type: `steps` come from a multiplier of timing `timing`. */
const running = <T extends Timing>(
  timing: T,
  steps: ReadonlyArray<Step<T>>,
  arrays: E.Either<DeviceError, ReadonlyArray<Data>>,
  gate: InOrder
): Running<T, DeviceError, void> => {
  const now: IOEither<DeviceError, void> = () =>
    E.isLeft(arrays) ? arrays : runNow(steps as ReadonlyArray<Step<'sync'>>, arrays.right)
  // Runs share the temporaries: one that begins while another waits for its products must wait too.
  const later: TaskEither<DeviceError, void> = gate(async () =>
    E.isLeft(arrays) ? arrays : runLater(steps as ReadonlyArray<Step<'async'>>, arrays.right)
  )
  return (timing === 'sync' ? now : later) as Running<T, DeviceError, void>
}

const load =
  <T extends Timing>(multiplier: Multiplier<T>) =>
  (program: Program): E.Either<DeviceError, Executable<T>> => {
    const kernels = schedule(program)
    const steps = prepare(kernels, multiplier)
    if (E.isLeft(steps)) return steps
    // An arena larger than the engine allows throws.
    const temporaries = E.tryCatch(() => temporariesOf(kernels), failed)
    if (E.isLeft(temporaries)) return temporaries
    const { arrays, arenaBytes } = temporaries.right
    const gate = inOrder()
    return E.right({
      program,
      workingBytes: arenaBytes,
      explain: () => explainKernels(kernels),
      run: (inputs, outputs) =>
        running(
          multiplier.timing,
          steps.right,
          E.map(() => [...inputs, ...outputs, ...arrays])(checkArrays('js', program, 'float32', inputs, outputs)),
          gate
        )
    })
  }

/**
 * Generated JavaScript, with `multiplier` for the matrix products. Synchronous exactly when the multiplier is. Releasing
 * the device releases the multiplier.
 */
export const js = <T extends Timing>(multiplier: Multiplier<T>): Device<T> => ({
  name: 'js',
  multiplier: multiplier.name,
  timing: multiplier.timing,
  floats: 'float32',
  load: load(multiplier),
  release: multiplier.release
})
