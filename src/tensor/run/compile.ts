/**
 * Compiling a step of a fold: traced once, planned once, its state resident between runs.
 *
 * State is donated: a step consumes the handle it is given and returns the next. Using a consumed handle is a `Left`, so
 * two histories can never share one set of buffers unnoticed. Everything that a step reads or writes lies in the device's
 * memory: each state in buffers of its own, constants copied in once, arguments and outputs in the same buffers at every step.
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
import type { Device, Timing } from './device.js'
import { evaluateTask } from './evaluate.js'
import type { OutOfMemory } from './memory/memory.js'
import { allocateBuffers, type Buffers } from './memory/buffers.js'
import { resident, type Compiled, type Take } from './resident.js'
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
    const memory = device.memory()
    if (E.isLeft(memory)) return Promise.resolve(memory)
    const evaluate = evaluateTask(device)
    const take = patiently(allocateBuffers(memory.right, device.floats))
    const [argSpecs, outputSpecs] = [tensorsOf(args), tensorsOf(result[1])]
    return pipe(
      take([...captured, ...argSpecs, ...outputSpecs]),
      TE.map((fixed) => {
        fixed.views().forEach((view, i) => {
          if (i < captured.length) view.set(peek(captured[i]))
        })
        return resident(loaded.right, { take, evaluate }, fixed, { state, args, output: result[1] })
      })
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
  (take: (specs: ReadonlyArray<Spec>) => E.Either<OutOfMemory, Buffers>): Take =>
  (specs) =>
  async () => {
    const taken = take(specs)
    if (E.isRight(taken)) return taken
    await new Promise((turn) => setTimeout(turn))
    return take(specs)
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
