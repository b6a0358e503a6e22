/**
 * Asking for numbers: expressions to literals on a device.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../dtype.js'
import { showTensorError, showWrittenAt, type TensorError } from '../fault.js'
import { adopt, isLiteral, peek, type Literal } from '../literal.js'
import { liftNumbers } from '../program/lift.js'
import { lower } from '../program/lower.js'
import { outputSpecs, type Program } from '../program/program.js'
import { serialise } from '../program/serialise.js'
import { attempt } from '../program/trace.js'
import type { Tensor } from '../tensor.js'
import { tensorsOf, unflatten, type Mapped } from '../tree.js'
import { allocateOutputsOn, asWidth } from './arrays.js'
import type { StepError } from './step-error.js'
import { showDeviceError, type Device, type DeviceError, type Executable, type Timing } from './device.js'
import { leastRecent } from './least-recent.js'

export type EvaluationError = TensorError | DeviceError

/** `Either` from a synchronous device, `TaskEither` from an asynchronous one. */
export type Evaluated<T extends Timing, A> = T extends 'sync'
  ? E.Either<EvaluationError, A>
  : TaskEither<EvaluationError, A>

type PreparedRun<T extends Timing> = {
  readonly executable: Executable<T>
  readonly inputs: ReadonlyArray<Data>
  readonly outputs: ReadonlyArray<Data>
}

export type EvaluateOptions = {
  /** How many compiled programs are kept at most, 256 unless told. One of a few operations takes about 40 kB. */
  readonly programs?: number
}

const mostPrograms = 256

/**
 * Every tensor of a tree as a literal.
 *
 * Results are remembered as long as their tensors live, and programs kept by their structure, those used last, for as long as the
 * returned function lives: hold on to it (`const values = evaluateAll(device)`) and exploring feels eager. Numbers in element-wise
 * arithmetic are no part of the structure: `mul(0.1)(x)` and `mul(0.2)(x)` are one program. On a synchronous device the result is an
 * `Either`, on an asynchronous one a `TaskEither`.
 */
export const evaluateAll = <T extends Timing>(
  device: Device<T>,
  { programs = mostPrograms }: EvaluateOptions = {}
): (<Values>(tree: Values) => Evaluated<T, Mapped<Values, Literal>>) => {
  const remembered = new WeakMap<Tensor, Literal>()
  const executables = leastRecent<Executable<T>>(programs)
  const known = (x: Tensor): Literal | undefined => (isLiteral(x) ? x : remembered.get(x))

  const load = (program: Program): E.Either<DeviceError, Executable<T>> => {
    const key = serialise(program)
    const old = executables.get(key)
    if (old !== undefined) return E.right(old)
    const loaded = device.load(program)
    if (E.isRight(loaded)) executables.set(key, loaded.right)
    return loaded
  }

  const prepare = (wanted: ReadonlyArray<Tensor>): E.Either<EvaluationError, PreparedRun<T>> => {
    const lowered = attempt(() =>
      lower(
        wanted.map((tensor, i) => ({ name: String(i), tensor })),
        [],
        known
      )
    )
    if (E.isLeft(lowered)) return lowered
    const { captured } = lowered.right
    const { program, numbers } = liftNumbers(lowered.right.program)
    const executable = load(program)
    if (E.isLeft(executable)) return executable
    return pipe(
      allocateOutputsOn(device, program),
      E.map((outputs) => ({
        executable: executable.right,
        inputs: [
          ...captured.map((x) => asWidth(peek(x), x.dtype, device.floats)),
          ...(numbers.length > 0 ? [asWidth(Float64Array.from(numbers), 'f32', device.floats)] : [])
        ],
        outputs
      }))
    )
  }

  const remember = (wanted: ReadonlyArray<Tensor>, { executable, outputs }: PreparedRun<T>): void =>
    outputSpecs(executable.program).forEach(({ shape, dtype }, i) =>
      remembered.set(wanted[i], adopt(shape, dtype, outputs[i]))
    )

  /** The tree's tensors, all of them known by now. */
  const collect = <Values>(tree: Values): Mapped<Values, Literal> =>
    unflatten(
      tree,
      tensorsOf(tree).flatMap((x) => known(x) ?? [])
    )

  /** What is known without running anything, as this device answers. */
  const answer = (known: unknown): unknown => (device.timing === 'sync' ? known : () => Promise.resolve(known))

  const evaluateNow = <Values>(tree: Values): unknown => {
    const wanted = attempt(() => [...new Set(tensorsOf(tree))].filter((x) => known(x) === undefined))
    if (E.isLeft(wanted)) return answer(wanted)
    if (wanted.right.length === 0) return answer(E.right(collect(tree)))
    const prepared = prepare(wanted.right)
    if (E.isLeft(prepared)) return answer(prepared)
    const { executable, inputs, outputs } = prepared.right
    const finish = (): Mapped<Values, Literal> => {
      remember(wanted.right, prepared.right)
      return collect(tree)
    }
    const running = executable.run(inputs, outputs)
    return device.timing === 'sync'
      ? E.map(finish)((running as IOEither<DeviceError, void>)())
      : async () => E.map(finish)(await (running as TaskEither<DeviceError, void>)())
  }
  return evaluateNow as <Values>(tree: Values) => Evaluated<T, Mapped<Values, Literal>>
}

/**
 * One tensor as a literal. See `evaluateAll`.
 *
 * Only what happens here is a `Left`. An operation that does not fit throws where it is written, before this is called; `attempt`
 * catches that:
 *
 *     pipe(attempt(() => pipe(x, matmul(y))), E.chainW(evaluate(device)))
 */
export const evaluate = <T extends Timing>(
  device: Device<T>,
  options?: EvaluateOptions
): ((x: Tensor) => Evaluated<T, Literal>) => {
  const all = evaluateAll(device, options)
  return (x) => all<Tensor>(x)
}

/** A value from a synchronous device, a promise of it from an asynchronous one. */
export type Ran<T extends Timing, A> = T extends 'sync' ? A : Promise<A>

/**
 * Values or an exception, for scripts: `evaluateAll`, which throws what that returns as a `Left`, in one sentence.
 *
 *     console.log(run(wasm())(pipe(x, matmul(y))))
 */
export const run = <T extends Timing>(
  device: Device<T>
): (<Values>(tree: Values) => Ran<T, Mapped<Values, Literal>>) => {
  const all = evaluateAll(device)
  const orThrow = <A>(evaluated: E.Either<EvaluationError, A>): A => {
    if (E.isRight(evaluated)) return evaluated.right
    throw new Error(showEvaluationError(evaluated.left), { cause: evaluated.left })
  }
  const runNow = <Values>(tree: Values): Mapped<Values, Literal> | Promise<Mapped<Values, Literal>> => {
    const evaluated = all(tree)
    return typeof evaluated === 'function' ? evaluated().then(orThrow) : orThrow(evaluated)
  }
  return runNow as <Values>(tree: Values) => Ran<T, Mapped<Values, Literal>>
}

/** `evaluateAll` for callers that take any device: always a `TaskEither`, with the errors of `compile`, to which it chains. */
export const evaluateTask = (
  device: Device
): (<Values>(tree: Values) => TaskEither<StepError, Mapped<Values, Literal>>) => {
  const all = evaluateAll(device)
  return <Values>(tree: Values) => {
    const evaluated = all(tree)
    return typeof evaluated === 'function' ? evaluated : () => Promise.resolve(evaluated)
  }
}

export const showEvaluationError = (e: EvaluationError): string => {
  switch (e._tag) {
    case 'ShapeMismatch':
    case 'AxisOutOfRange':
    case 'DTypeMismatch':
    case 'InvalidArgument':
      return showTensorError(e) + showWrittenAt(e)
    case 'DeviceUnavailable':
    case 'Unsupported':
    case 'WrongArrays':
    case 'DeviceFailed':
    case 'OutOfMemory':
      return showDeviceError(e)
  }
}
