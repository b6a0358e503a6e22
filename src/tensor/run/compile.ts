/**
 * Compiling a step of a fold: traced once, planned once, its state resident between runs.
 *
 * State is donated: a step consumes the handle it is given and returns the next. Using a consumed handle is a `Left`, so
 * two histories can never share one set of buffers unnoticed. Everything that a step reads or writes lies in the device's
 * memory: state in banks that take turns, constants copied in once, arguments and outputs in the same room at every step.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../dtype.js'
import type { TensorError } from '../fault.js'
import { inOrder } from '../in-order.js'
import { adopt, isLiteral, literal, peek, type Literal } from '../literal.js'
import type { Program, Spec } from '../program/program.js'
import { trace } from '../program/trace.js'
import { equalShapes, showShape } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { tensorEntries, tensorsOf, unflatten, type Mapped } from '../tree.js'
import type { Device, DeviceError, Executable, Timing } from './device.js'
import { showEvaluationError } from './evaluate.js'
import type { OutOfMemory } from './memory.js'
import { fillRooms, roomFor, viewsOf, type Room } from './room.js'

export type StepError =
  | TensorError
  | DeviceError
  /** The handle was already given to a step, or belongs to another compiled function. */
  | { readonly _tag: 'HandleConsumed' }
  /** An argument is not a literal of the compiled shape and dtype. */
  | { readonly _tag: 'WrongArgument'; readonly path: string; readonly found: string; readonly expected: string }

export const showStepError = (e: StepError): string => {
  if (e._tag === 'HandleConsumed')
    return 'the state handle was already given to a step: use the one that the step returned'
  if (e._tag === 'WrongArgument')
    return `${e.path === '' ? 'the argument' : `argument ${e.path}`}: found ${e.found}, expected ${e.expected}`
  return showEvaluationError(e)
}

/** A state that lives on the device, until it is consumed or dropped. A name for it, not the values: `read` copies those. */
export type Handle<State> = { readonly _tag: 'Handle'; readonly structure: State }

export type Compiled<State, Args extends ReadonlyArray<unknown>, Output> = {
  readonly program: Program
  readonly explain: () => string
  /** Copies a state of literals onto the device. */
  readonly begin: (state: State) => TaskEither<StepError, Handle<State>>
  /** One step. Consumes the handle; a step that fails leaves it, and the state, as they were. */
  readonly step: (
    handle: Handle<State>,
    ...args: Args
  ) => TaskEither<StepError, { readonly state: Handle<State>; readonly output: Mapped<Output, Literal> }>
  /** Copies the values out; the handle stays usable. */
  readonly read: (handle: Handle<State>) => TaskEither<StepError, Mapped<State, Literal>>
}

type Bank = ReadonlyArray<Room>

const describe = (x: Tensor): string => `${isLiteral(x) ? '' : 'unevaluated '}${x.dtype}${showShape(x.shape)}`

/** The arrays of a tree of literals, held against the tree the program was traced with. */
const arraysOf = (expected: unknown, given: unknown): E.Either<StepError, ReadonlyArray<Data>> => {
  const found = new Map(tensorEntries(given))
  const arrays: Array<Data> = []
  for (const [path, spec] of tensorEntries(expected)) {
    const x = found.get(path)
    if (x === undefined || !isLiteral(x) || x.dtype !== spec.dtype || !equalShapes(x.shape, spec.shape))
      return E.left({
        _tag: 'WrongArgument',
        path,
        found: x === undefined ? 'nothing' : describe(x),
        expected: `${spec.dtype}${showShape(spec.shape)}`
      })
    arrays.push(peek(x))
  }
  if (found.size !== arrays.length)
    return E.left({ _tag: 'WrongArgument', path: '', found: `${found.size} leaves`, expected: String(arrays.length) })
  return E.right(arrays)
}

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
    const take = roomFor(memory.right, device.floats)
    return Promise.resolve(
      pipe(
        E.Do,
        E.bind('constants', () => take(captured)),
        E.bind('args', () => take(tensorsOf(args))),
        E.bind('outputs', () => take(tensorsOf(result[1]))),
        E.map((rooms) => {
          fillRooms(rooms.constants, captured.map(peek))
          return resident(loaded.right, take, rooms, state, args, result[1])
        })
      )
    )
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

/** What stays where it is from step to step. */
type Fixed = { readonly constants: Bank; readonly args: Bank; readonly outputs: Bank }

const resident = <State, Args extends ReadonlyArray<unknown>, Output, T extends Timing>(
  executable: Executable<T>,
  take: (specs: ReadonlyArray<Spec>) => E.Either<OutOfMemory, Bank>,
  fixed: Fixed,
  stateSpec: State,
  argSpecs: Args,
  outputSpec: Output
): Compiled<State, Args, Output> => {
  const stateLeaves = tensorsOf(stateSpec)
  const outputLeaves = tensorsOf(outputSpec)
  const live = new WeakMap<Handle<State>, Bank>()
  const free: Array<Bank> = []
  // Steps share the room of arguments and outputs: one of them at a time.
  const gate = inOrder()

  const takeBank = (): E.Either<OutOfMemory, Bank> => {
    const used = free.pop()
    return used === undefined ? take(stateLeaves) : E.right(used)
  }
  const issue = (bank: Bank): Handle<State> => {
    const handle: Handle<State> = { _tag: 'Handle', structure: stateSpec }
    live.set(handle, bank)
    return handle
  }

  return {
    program: executable.program,
    explain: executable.explain,
    begin: (state) => () => {
      const arrays = arraysOf(stateSpec, state)
      if (E.isLeft(arrays)) return Promise.resolve(arrays)
      return Promise.resolve(
        E.map((bank: Bank) => {
          fillRooms(bank, arrays.right)
          return issue(bank)
        })(takeBank())
      )
    },
    step:
      (handle, ...args) =>
      async () => {
        const bank = live.get(handle)
        if (bank === undefined) return E.left({ _tag: 'HandleConsumed' })
        const arrays = arraysOf(argSpecs, args)
        if (E.isLeft(arrays)) return arrays
        const taken = takeBank()
        if (E.isLeft(taken)) return taken
        const next = taken.right
        // Consumed from here on: while the step runs, nobody else may begin another from the same state.
        live.delete(handle)
        const ran = await gate(async () => {
          fillRooms(fixed.args, arrays.right)
          const inputs = viewsOf([...bank, ...fixed.args, ...fixed.constants])
          return pipe(
            await executable.run(inputs, viewsOf([...next, ...fixed.outputs]))(),
            E.map(() =>
              viewsOf(fixed.outputs).map((data, i) => adopt(outputLeaves[i].shape, outputLeaves[i].dtype, data.slice()))
            )
          )
        })()
        if (E.isLeft(ran)) {
          // The step wrote to the next bank only: the state is what it was.
          free.push(next)
          live.set(handle, bank)
          return ran
        }
        free.push(bank)
        return E.right({ state: issue(next), output: unflatten(outputSpec, ran.right) })
      },
    read: (handle) => () => {
      const bank = live.get(handle)
      return Promise.resolve(
        bank === undefined
          ? E.left({ _tag: 'HandleConsumed' })
          : E.right(
              unflatten(
                stateSpec,
                stateLeaves.map((x, i) => literal(x.shape, x.dtype, bank[i]()))
              )
            )
      )
    }
  }
}
