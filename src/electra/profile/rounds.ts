/**
 * Rounds of a compiled step with each kernel timed: the gradient of the shard and an update, on a state that moves on as it
 * does in training.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DeviceError, HostDevice, Executable, Literal, Timing } from '../../tensor/index.js'
import { peek } from '../../tensor/literal.js'
import { outputSpecs } from '../../tensor/program/program.js'
import type { Words } from '../../tensor/threefry.js'
import { allocateSlots, type Arrays, type Slot, type WorkerError } from '../../workers/index.js'
import { view } from '../../workers/pool/memory.js'
import type { LoadedStep, ProgramName } from './step.js'

/** Seconds of a whole run, and of each of its kernels. */
export type Timed = { readonly whole: number; readonly kernels: ReadonlyArray<number> }

export type Rounds = Readonly<Record<ProgramName, ReadonlyArray<Timed>>>

/** A program with its arrays, which lie in the device's memory. */
type Placed = { readonly executable: Executable<Timing>; readonly inputs: Arrays; readonly outputs: Arrays }

/** Puts everything in place for round `n`. */
type PlaceRound = (n: number) => Readonly<Record<ProgramName, Placed>>

const valuesOf = (literals: ReadonlyArray<Literal>): Arrays => literals.map(peek)

const fill = (places: Arrays, values: Arrays): void => values.forEach((x, i) => places[i].set(x))

/** Allocates all arrays, and draws the parameters. The moments are zero, as all new memory is. */
const prepare = (
  device: HostDevice,
  {
    programs: {
      stages: [{ step }],
      initial
    },
    shardGrad,
    update
  }: LoadedStep,
  shard: Arrays,
  key: Words
): TaskEither<WorkerError, PlaceRound> => {
  const given = step.update.program.inputs
  const state = given.slice(0, step.state)
  return pipe(
    TE.fromIOEither(device.memory),
    TE.bindTo('memory'),
    TE.bind('slots', ({ memory }) =>
      TE.fromIOEither(
        allocateSlots(memory, device.floats, {
          banks: [state, state] as const,
          shard: step.shardGrad.program.inputs.slice(step.reads.length),
          sums: outputSpecs(step.shardGrad.program),
          step: given.slice(step.state + step.gradients),
          report: outputSpecs(step.update.program).slice(step.state)
        })
      )
    ),
    TE.bindW('drawing', () => TE.fromEither(device.load(initial.program))),
    TE.chainW(({ memory, slots, drawing }) => {
      const arrays = (of: ReadonlyArray<Slot>): Arrays => of.map(view(memory, device.floats))
      const banks = slots.banks.map(arrays)
      const [ofShard, sums, ofStep, report] = [slots.shard, slots.sums, slots.step, slots.report].map(arrays)
      const params = (bank: Arrays): Arrays => step.reads.map((i) => bank[i])
      fill(ofShard, [...shard, ...valuesOf(step.shardGrad.captured)])
      fill(ofStep.slice(1), valuesOf(step.update.captured))
      return pipe(
        async () => drawing.run([Uint32Array.from(key), ...valuesOf(initial.captured)], params(banks[0]))(),
        TE.map((): PlaceRound => (n) => {
          const [now, next] = [banks[n % 2], banks[(n + 1) % 2]]
          ofStep[0].fill(n)
          const gradients = sums.slice(0, step.gradients)
          return {
            shardGrad: { ...shardGrad, inputs: [...params(now), ...ofShard], outputs: sums },
            update: { ...update, inputs: [...now, ...gradients, ...ofStep], outputs: [...next, ...report] }
          }
        })
      )
    })
  )
}

/**
 * Nothing tells the first kernel from finding every array before it, which takes longer where arrays are many: its time is
 * 0 here, and in the whole only.
 */
const timed =
  ({ executable, inputs, outputs }: Placed): TaskEither<DeviceError, Timed> =>
  async () => {
    const done: Array<number> = []
    const start = performance.now()
    const ran = await executable.run(inputs, outputs, () => done.push(performance.now()))()
    const whole = (performance.now() - start) / 1000
    const kernels = done.map((at, k) => (k === 0 ? 0 : at - done[k - 1]) / 1000)
    return E.map(() => ({ whole, kernels }))(ran)
  }

/** Rounds that do not count: engines compile anew what they have run for a while. */
const warmUp = 2

/** Runs the step on one shard's inputs, its parameters drawn with the key. */
export const runRounds = (
  device: HostDevice,
  step: LoadedStep,
  shard: Arrays,
  key: Words,
  rounds: number
): TaskEither<WorkerError, Rounds> =>
  pipe(
    prepare(device, step, shard, key),
    TE.chain((at) => async () => {
      const [shardGrad, update]: [Array<Timed>, Array<Timed>] = [[], []]
      for (let n = 0; n < warmUp + rounds; n++) {
        const placed = at(n)
        const gradient = await timed(placed.shardGrad)()
        if (E.isLeft(gradient)) return gradient
        const updated = await timed(placed.update)()
        if (E.isLeft(updated)) return updated
        if (n < warmUp) continue
        shardGrad.push(gradient.right)
        update.push(updated.right)
      }
      return E.right({ shardGrad, update })
    })
  )
