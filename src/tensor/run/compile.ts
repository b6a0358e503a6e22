/**
 * Compiling a step of a fold: traced once, planned once, its state resident between runs.
 *
 * State is donated: a step consumes the handle it is given and returns the next. Using a consumed handle is a `Left`, so
 * two histories can never share one set of buffers unnoticed. Everything that a step reads or writes lies in the device's
 * memory: each state in a room of its own, constants copied in once, arguments and outputs in the same room at every step.
 *
 * That memory is finite, and the engine, which sees only small objects in JavaScript, is in no hurry to collect them: who begins many
 * states, or compiles many steps, releases them (`withState`, `withCompiled`). What is only dropped comes back when memory runs out.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../dtype.js'
import type { TensorError } from '../fault.js'
import { inOrder } from '../in-order.js'
import { adopt, isLiteral, literal, peek, type Literal } from '../literal.js'
import type { Explainable } from '../program/explain.js'
import type { Spec } from '../program/program.js'
import { trace } from '../program/trace.js'
import { equalShapes, showShape } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { tensorEntries, tensorsOf, unflatten, type Mapped } from '../tree.js'
import type { Device, DeviceError, Executable, Timing } from './device.js'
import { showEvaluationError } from './evaluate.js'
import type { OutOfMemory } from './memory/memory.js'
import { fillRoom, roomFor, type Room } from './memory/room.js'

export type StepError =
  | TensorError
  | DeviceError
  /** The handle was already given to a step, or belongs to another compiled function. */
  | { readonly _tag: 'HandleConsumed' }
  /** The handle's state was released, or the whole compiled step. */
  | { readonly _tag: 'Released'; readonly what: 'state' | 'step' }
  /** An argument is not a literal of the compiled shape and dtype. */
  | { readonly _tag: 'WrongArgument'; readonly path: string; readonly found: string; readonly expected: string }

export const showStepError = (e: StepError): string => {
  if (e._tag === 'HandleConsumed')
    return 'the state handle was already given to a step: use the one that the step returned'
  if (e._tag === 'Released')
    return e.what === 'state'
      ? 'the state was released: begin another, or release it when its last step is done'
      : 'the compiled step was released: compile it again, or release it when its last step is done'
  if (e._tag === 'WrongArgument')
    return `${e.path === '' ? 'the argument' : `argument ${e.path}`}: found ${e.found}, expected ${e.expected}`
  return showEvaluationError(e)
}

/** A state that lives on the device, until it is consumed, released or dropped. A name for it, not the values: `read` copies those. */
export type Handle<State> = { readonly _tag: 'Handle'; readonly structure: State }

export type Compiled<State, Args extends ReadonlyArray<unknown>, Output> = Explainable & {
  /** Copies a state of literals onto the device. */
  readonly begin: (state: State) => TaskEither<StepError, Handle<State>>
  /** One step. Consumes the handle; a step that fails leaves it, and the state, as they were. */
  readonly step: (
    handle: Handle<State>,
    ...args: Args
  ) => TaskEither<StepError, { readonly state: Handle<State>; readonly output: Mapped<Output, Literal> }>
  /** Copies the values out; the handle stays usable. */
  readonly read: (handle: Handle<State>) => TaskEither<StepError, Mapped<State, Literal>>
  /** Gives the memory of a state back. Its handle is then as good as consumed. */
  readonly releaseState: (handle: Handle<State>) => TaskEither<StepError, void>
  /**
   * Begins a state, uses it, and releases what it has become by any number of steps, whether what it was used for succeeded or not.
   *
   *     compiled.withState(start)((handle) => pipe(compiled.step(handle, x), TE.chain(({ state }) => compiled.read(state))))
   */
  readonly withState: (
    state: State
  ) => <E, A>(use: (handle: Handle<State>) => TaskEither<E, A>) => TaskEither<StepError | E, A>
  /** Gives all memory back, that of every state too, once a step that is running is done. What is asked of it later is a `Left`. */
  readonly release: Task<void>
}

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
    const take = patiently(roomFor(memory.right, device.floats))
    const [argSpecs, outputSpecs] = [tensorsOf(args), tensorsOf(result[1])]
    return pipe(
      take([...captured, ...argSpecs, ...outputSpecs]),
      TE.map((fixed) => {
        fixed.views().forEach((view, i) => {
          if (i < captured.length) view.set(peek(captured[i]))
        })
        return resident(loaded.right, take, fixed, state, args, result[1])
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

type Take = (specs: ReadonlyArray<Spec>) => TaskEither<OutOfMemory, Room>

/**
 * Asks once more in another turn of the event loop where there is no room: what was made in this turn, and dropped since, the engine can
 * collect only in the next.
 */
const patiently =
  (take: (specs: ReadonlyArray<Spec>) => E.Either<OutOfMemory, Room>): Take =>
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

/**
 * A state from its beginning through all its steps: whose turn it is, and where it lies. Changed by `resident` alone. A handle
 * that is dropped drops its history, and that the room.
 */
type History<State> = {
  /** `undefined` while a step is under way. */
  current: Handle<State> | undefined
  room: Room
  isReleased: boolean
}

const released: E.Either<StepError, never> = E.left({ _tag: 'Released', what: 'step' })

const resident = <State, Args extends ReadonlyArray<unknown>, Output, T extends Timing>(
  executable: Executable<T>,
  take: Take,
  fixed: Room,
  stateSpec: State,
  argSpecs: Args,
  outputSpec: Output
): Compiled<State, Args, Output> => {
  const stateLeaves = tensorsOf(stateSpec)
  const outputLeaves = tensorsOf(outputSpec)
  const constants = executable.program.inputs.length - stateLeaves.length - tensorsOf(argSpecs).length
  const histories = new WeakMap<Handle<State>, History<State>>()
  const begun = new Set<WeakRef<History<State>>>()
  // The room that the last step came from is that of the next.
  let spare: Room | undefined
  let isReleased = false
  // Steps share the room of arguments and outputs: one of them at a time.
  const gate = inOrder()

  const takeRoom: TaskEither<StepError, Room> = () => {
    const room = spare
    spare = undefined
    return room === undefined ? take(stateLeaves)() : Promise.resolve(E.right(room))
  }
  const putAside = (room: Room): void => {
    if (spare === undefined && !isReleased) spare = room
    else room.release()
  }
  const issue = (history: History<State>): Handle<State> => {
    const handle: Handle<State> = { _tag: 'Handle', structure: stateSpec }
    history.current = handle
    histories.set(handle, history)
    return handle
  }
  const historyOf = (handle: Handle<State>): E.Either<StepError, History<State>> => {
    const history = histories.get(handle)
    if (isReleased) return released
    if (history === undefined) return E.left({ _tag: 'HandleConsumed' })
    if (history.isReleased) return E.left({ _tag: 'Released', what: 'state' })
    return history.current === handle ? E.right(history) : E.left({ _tag: 'HandleConsumed' })
  }
  const end = (history: History<State>): void => {
    if (history.isReleased) return
    history.isReleased = true
    history.room.release()
  }

  const begin =
    (state: State): TaskEither<StepError, Handle<State>> =>
    async () => {
      const arrays = arraysOf(stateSpec, state)
      if (E.isLeft(arrays)) return arrays
      if (isReleased) return released
      const room = await takeRoom()
      if (E.isLeft(room)) return room
      fillRoom(room.right, arrays.right)
      const history: History<State> = { current: undefined, room: room.right, isReleased: false }
      for (const known of begun) if (known.deref() === undefined) begun.delete(known)
      begun.add(new WeakRef(history))
      return E.right(issue(history))
    }

  /** From one room to the next: the outputs, copied. */
  const carryOut =
    (room: Room, next: Room, arrays: ReadonlyArray<Data>): TaskEither<StepError, ReadonlyArray<Literal>> =>
    async () => {
      const views = fixed.views()
      const outputs = views.slice(constants + arrays.length)
      const args = views.slice(constants, constants + arrays.length)
      args.forEach((view, i) => view.set(arrays[i]))
      const inputs = [...room.views(), ...args, ...views.slice(0, constants)]
      return pipe(
        await executable.run(inputs, [...next.views(), ...outputs])(),
        E.map(() =>
          fixed
            .views()
            .slice(constants + arrays.length)
            .map((data, i) => adopt(outputLeaves[i].shape, outputLeaves[i].dtype, data.slice()))
        )
      )
    }

  /** The room that a step wrote to becomes the state's; where it fails the state is what it was. */
  const advance =
    (history: History<State>, arrays: ReadonlyArray<Data>): TaskEither<StepError, ReadonlyArray<Literal>> =>
    async () => {
      if (isReleased) return released
      const next = await takeRoom()
      if (E.isLeft(next)) return next
      const ran = await carryOut(history.room, next.right, arrays)()
      putAside(E.isLeft(ran) ? next.right : history.room)
      if (E.isRight(ran)) history.room = next.right
      return ran
    }

  return {
    program: executable.program,
    kernels: executable.kernels,
    multipliedBy: executable.multipliedBy,
    begin,
    step:
      (handle, ...args) =>
      async () => {
        const found = historyOf(handle)
        if (E.isLeft(found)) return found
        const arrays = arraysOf(argSpecs, args)
        if (E.isLeft(arrays)) return arrays
        const history = found.right
        // Consumed from here on: while the step runs, nobody else may begin another from the same state.
        history.current = undefined
        const ran = await gate(advance(history, arrays.right))()
        if (E.isRight(ran)) return E.right({ state: issue(history), output: unflatten(outputSpec, ran.right) })
        history.current = handle
        return ran
      },
    read: (handle) => () =>
      Promise.resolve(
        pipe(
          historyOf(handle),
          E.map(({ room }) => {
            const views = room.views()
            return unflatten(
              stateSpec,
              stateLeaves.map((x, i) => literal(x.shape, x.dtype, views[i]))
            )
          })
        )
      ),
    releaseState: (handle) => () => Promise.resolve(pipe(historyOf(handle), E.map(end))),
    withState: (state) => (use) =>
      TE.bracketW(begin(state), use, (handle) => {
        const history = histories.get(handle)
        return TE.fromTask(gate(() => Promise.resolve(history && end(history))))
      }),
    release: gate(() => {
      isReleased = true
      for (const known of begun) {
        const history = known.deref()
        if (history !== undefined) end(history)
      }
      spare?.release()
      spare = undefined
      return Promise.resolve(fixed.release())
    })
  }
}
