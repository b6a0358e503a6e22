/**
 * A compiled step over states that stay on a device, each in buffers of its own.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Data, FloatWidth } from '../dtype.js'
import { inOrder } from '../in-order.js'
import { adopt, isLiteral, peek, type Literal } from '../literal.js'
import type { Explainable } from '../program/explain.js'
import type { Spec } from '../program/program.js'
import { equalShapes, showShape } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { tensorEntries, tensorsOf, unflatten, type Mapped } from '../tree.js'
import { asWidth, allocateArrays } from './arrays.js'
import type { DeviceBuffer, DeviceBuffers, DeviceError, Executable, Timing } from './device.js'
import { historiesOf, type Handle, type History } from './histories.js'
import type { StepError } from './step-error.js'

export type Compiled<State, Args extends ReadonlyArray<unknown>, Output> = Explainable & {
  /** Copies a state onto the device. What of it has no values yet, such as an optimiser's first moments, is evaluated. */
  readonly begin: (state: State) => TaskEither<StepError, Handle<State>>
  /**
   * One step. Consumes the handle; a step that fails leaves it, and the state, as they were. Arguments without values are
   * evaluated first, at every step.
   */
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

const showSpec = ({ dtype, shape }: Spec): string => `${dtype}${showShape(shape)}`

/** What a tree of tensors has otherwise than the tree that the program was traced with. */
const disagreement = (expected: unknown, given: unknown): StepError | undefined => {
  const found = new Map(tensorEntries(given))
  const wanted = tensorEntries(expected)
  for (const [path, spec] of wanted) {
    const x = found.get(path)
    if (x === undefined || x.dtype !== spec.dtype || !equalShapes(x.shape, spec.shape))
      return {
        _tag: 'WrongArgument',
        path,
        found: x === undefined ? 'nothing' : showSpec(x),
        expected: showSpec(spec)
      }
  }
  return found.size === wanted.length
    ? undefined
    : { _tag: 'WrongArgument', path: '', found: `${found.size} leaves`, expected: String(wanted.length) }
}

/** The arrays of a tree of tensors, evaluated where they have no values yet. */
type ArraysOf = (tree: unknown) => TaskEither<StepError, ReadonlyArray<Data>>

const arraysBy =
  (evaluate: Evaluate): ArraysOf =>
  (tree) => {
    const leaves = tensorsOf(tree)
    return pipe(
      leaves.every(isLiteral) ? TE.right(leaves) : evaluate(leaves),
      TE.map((values) => values.map(peek))
    )
  }

/** Gives tensors values. */
export type Evaluate = (leaves: ReadonlyArray<Tensor>) => TaskEither<StepError, ReadonlyArray<Literal>>

/** What a step needs of its device, but for its program. */
export type Ground = {
  readonly floats: FloatWidth
  readonly take: (specs: ReadonlyArray<Spec>) => TaskEither<DeviceError, DeviceBuffers>
  readonly write: (buffers: ReadonlyArray<DeviceBuffer>, arrays: ReadonlyArray<Data>) => TaskEither<DeviceError, void>
  readonly read: (buffers: ReadonlyArray<DeviceBuffer>) => TaskEither<DeviceError, ReadonlyArray<Data>>
  readonly evaluate: Evaluate
}

/** Buffers for states. */
type SpareBuffers = {
  readonly take: TaskEither<StepError, DeviceBuffers>
  readonly putAside: (buffers: DeviceBuffers) => void
  /** What is put aside from here on is given back. */
  readonly release: IO<void>
}

/** The buffers that the last step came from are those of the next. */
const spareBuffersOf = (take: TaskEither<StepError, DeviceBuffers>): SpareBuffers => {
  let spare: DeviceBuffers | undefined
  let isReleased = false
  return {
    take: () => {
      const buffers = spare
      spare = undefined
      return buffers === undefined ? take() : Promise.resolve(E.right(buffers))
    },
    putAside: (buffers) => {
      if (spare === undefined && !isReleased) spare = buffers
      else buffers.release()
    },
    release: () => {
      isReleased = true
      spare?.release()
      spare = undefined
    }
  }
}

/** What a step is compiled for: trees of which only shapes and dtypes are read. */
export type StepSpecs<State, Args, Output> = { readonly state: State; readonly args: Args; readonly output: Output }

/** One step from the state in some buffers to that in others. The outputs are copied out. */
const carry = <Args, Output>(
  executable: Executable<Timing>,
  floats: FloatWidth,
  constants: DeviceBuffers,
  specs: { readonly args: Args; readonly output: Output }
) => {
  const args = tensorsOf(specs.args)
  const leaves = tensorsOf(specs.output)
  return (
      from: DeviceBuffers,
      to: DeviceBuffers,
      arrays: ReadonlyArray<Data>
    ): TaskEither<StepError, Mapped<Output, Literal>> =>
    async () => {
      const outputs = allocateArrays(leaves, floats)
      const given = arrays.map((data, i) => asWidth(data, args[i].dtype, floats))
      const ran = await executable.run([...from.list, ...given, ...constants.list], [...to.list, ...outputs])()
      return pipe(
        ran,
        E.map(() =>
          unflatten(
            specs.output,
            outputs.map((data, i) => adopt(leaves[i].shape, leaves[i].dtype, data))
          )
        )
      )
    }
}

const released: E.Either<StepError, never> = E.left({ _tag: 'Released', what: 'step' })

export const resident = <State, Args extends ReadonlyArray<unknown>, Output>(
  executable: Executable<Timing>,
  { floats, take, write, read, evaluate }: Ground,
  constants: DeviceBuffers,
  specs: StepSpecs<State, Args, Output>
): Compiled<State, Args, Output> => {
  const leaves = tensorsOf(specs.state)
  const run = carry(executable, floats, constants, specs)
  const histories = historiesOf(specs.state)
  const spare = spareBuffersOf(take(leaves))
  const arraysOf = arraysBy(evaluate)
  let isReleased = false
  // Steps share the spare buffers: one of them at a time.
  const gate = inOrder()

  const historyOf = (handle: Handle<State>): E.Either<StepError, History<State>> =>
    isReleased ? released : histories.find(handle)

  const begin =
    (state: State): TaskEither<StepError, Handle<State>> =>
    async () => {
      const wrong = disagreement(specs.state, state)
      if (wrong !== undefined) return E.left(wrong)
      const arrays = await arraysOf(state)()
      if (E.isLeft(arrays)) return arrays
      if (isReleased) return released
      const buffers = await spare.take()
      if (E.isLeft(buffers)) return buffers
      const written = await write(buffers.right.list, arrays.right)()
      if (E.isRight(written) && !isReleased) return E.right(histories.begin(buffers.right))
      spare.putAside(buffers.right)
      return E.isLeft(written) ? written : released
    }

  /** The buffers that a step wrote to become the state's; where it fails the state is what it was. */
  const advance =
    (history: History<State>, arrays: ReadonlyArray<Data>): TaskEither<StepError, Mapped<Output, Literal>> =>
    async () => {
      if (isReleased) return released
      const next = await spare.take()
      if (E.isLeft(next)) return next
      const ran = await run(history.buffers, next.right, arrays)()
      spare.putAside(E.isLeft(ran) ? next.right : history.buffers)
      if (E.isRight(ran)) history.buffers = next.right
      return ran
    }

  const step =
    (
      handle: Handle<State>,
      ...args: Args
    ): TaskEither<StepError, { readonly state: Handle<State>; readonly output: Mapped<Output, Literal> }> =>
    async () => {
      const found = historyOf(handle)
      if (E.isLeft(found)) return found
      const wrong = disagreement(specs.args, args)
      if (wrong !== undefined) return E.left(wrong)
      const history = found.right
      // Consumed from here on: while the step runs, nobody else may begin another from the same state.
      history.current = undefined
      const ran = await gate(
        pipe(
          arraysOf(args),
          TE.chain((arrays) => advance(history, arrays))
        )
      )()
      if (E.isRight(ran)) return E.right({ state: histories.issue(history), output: ran.right })
      history.current = handle
      return ran
    }

  const valuesIn = (buffers: DeviceBuffers): TaskEither<StepError, Mapped<State, Literal>> =>
    pipe(
      read(buffers.list),
      TE.map((arrays) =>
        unflatten(
          specs.state,
          leaves.map((x, i) => adopt(x.shape, x.dtype, arrays[i]))
        )
      )
    )

  const { program, kernels, limits, multipliedBy } = executable
  return {
    program,
    kernels,
    limits,
    multipliedBy,
    begin,
    step,
    read: (handle) => () =>
      pipe(
        TE.fromEither(historyOf(handle)),
        TE.chain(({ buffers }) => valuesIn(buffers))
      )(),
    releaseState: (handle) =>
      TE.fromIOEither(() =>
        pipe(
          historyOf(handle),
          E.map(() => histories.end(handle))
        )
      ),
    withState: (state) => (use) =>
      TE.bracketW(begin(state), use, (handle) => TE.fromTask(gate(() => Promise.resolve(histories.end(handle))))),
    release: gate(() => {
      isReleased = true
      histories.endAll()
      spare.release()
      return Promise.resolve(constants.release())
    })
  }
}
