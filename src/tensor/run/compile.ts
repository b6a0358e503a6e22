/**
 * Compiling a step of a fold: traced once, planned once, its state resident between runs.
 *
 * State is donated: a step consumes the handle it is given and returns the next. Using a consumed handle is a `Left`, so
 * two histories can never share one set of buffers unnoticed. States lie on the device, each in buffers of its own, and so do constants,
 * copied there once; arguments and outputs are copied there and back at every step.
 *
 * That memory is finite, and the engine, which sees only small objects in JavaScript, is in no hurry to collect them: who begins many
 * states, or compiles many steps, releases them (`withState`, `withCompiled`). What is only dropped comes back when memory runs out.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { peek } from '../literal.js'
import type { Spec } from '../program/program.js'
import { trace } from '../program/trace.js'
import { equalShapes, showShape } from '../shape.js'
import { tensorEntries, tensorsOf } from '../tree.js'
import type { Device, DeviceBuffers, DeviceError, Timing } from './device.js'
import { evaluateTask } from './evaluate.js'
import { resident, type Compiled, type Ground } from './resident.js'
import { settling } from './settling.js'
import type { StepError } from './step-error.js'

/**
 * Compiles `f(state, ...args) -> [state, output]` for one structure of arguments, given as trees of tensors of which only
 * shapes and dtypes are read (`spec(shape, dtype)` makes a placeholder).
 *
 * Fails with the `TensorError` of the first operation that does not fit, with `WrongArgument` where `f` returns a state
 * of another structure, or with what the device says.
 */
export const compile =
  <State, Args extends ReadonlyArray<unknown>, Output, T extends Timing>(
    f: (state: State, ...args: Args) => readonly [State, Output],
    device: Device<T>
  ) =>
  (state: State, ...args: Args): TaskEither<StepError, Compiled<State, Args, Output>> =>
  () => {
    const traced = trace(f)(state, ...args)
    if (E.isLeft(traced)) return Promise.resolve(traced)
    const { program, captured, result } = traced.right
    const changed = sameStructure(state, result[0])
    if (changed !== undefined) return Promise.resolve(E.left(changed))
    const loaded = device.load(program)
    if (E.isLeft(loaded)) return Promise.resolve(loaded)
    const ground: Ground = {
      floats: device.floats,
      take: patiently(settling(device.allocate)),
      write: settling(device.write),
      read: settling(device.read),
      evaluate: evaluateTask(device)
    }
    return pipe(
      ground.take(captured),
      TE.chainFirst(({ list, release }) =>
        pipe(
          ground.write(list, captured.map(peek)),
          TE.orElseFirstIOK(() => release)
        )
      ),
      TE.map((constants) => resident(loaded.right, ground, constants, { state, args, output: result[1] }))
    )()
  }

/**
 * Acquires a compiled step, uses it, and releases it and all its states, whether what it was used for succeeded or not.
 *
 *     withCompiled(compile(f, device)(state, ...args))(({ begin, step }) => ...)
 */
export const withCompiled =
  <State, Args extends ReadonlyArray<unknown>, Output>(
    compiled: TaskEither<StepError, Compiled<State, Args, Output>>
  ) =>
  <E, A>(use: (compiled: Compiled<State, Args, Output>) => TaskEither<E, A>): TaskEither<StepError | E, A> =>
    TE.bracketW(compiled, use, ({ release }) => TE.fromTask(release))

/**
 * Asks once more in another turn of the event loop where memory runs out: what was made in this turn, and dropped since, the engine
 * can collect only in the next.
 */
const patiently =
  (take: (specs: ReadonlyArray<Spec>) => TaskEither<DeviceError, DeviceBuffers>): Ground['take'] =>
  (specs) =>
  async () => {
    const taken = await take(specs)()
    if (E.isRight(taken)) return taken
    await new Promise((turn) => setTimeout(turn))
    return take(specs)()
  }

const sameStructure = (before: unknown, after: unknown): StepError | undefined => {
  const found = new Map(tensorEntries(after))
  for (const [path, x] of tensorEntries(before)) {
    const y = found.get(path)
    if (y === undefined || y.dtype !== x.dtype || !equalShapes(y.shape, x.shape))
      return {
        _tag: 'WrongArgument',
        path,
        found: y === undefined ? 'no such leaf in the returned state' : `${y.dtype}${showShape(y.shape)}`,
        expected: `${x.dtype}${showShape(x.shape)}`
      }
  }
  return found.size === tensorsOf(before).length
    ? undefined
    : {
        _tag: 'WrongArgument',
        path: '',
        found: 'a returned state with more leaves',
        expected: 'the leaves it was given'
      }
}
