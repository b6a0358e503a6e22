/**
 * Rounds of a compiled step with each kernel timed: the gradient of the shard and an update, on a state that moves on as it
 * does in training.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Device, DeviceError, Literal } from '../../tensor/index.js'
import { peek } from '../../tensor/literal.js'
import type { DeviceBuffer } from '../../tensor/run/device.js'
import { settling } from '../../tensor/run/settling.js'
import type { Words } from '../../tensor/threefry.js'
import type { Arrays } from '../../workers/index.js'
import type { Arranged } from '../../workers/fold/arrangement.js'
import { pick } from '../../workers/fold/pick.js'
import { otherArrays, type LoadedProgram, type LoadedStep, type ProgramName } from './step.js'
import { timed, type Placed, type Timed } from './timed.js'

export type Rounds = Readonly<Record<ProgramName, ReadonlyArray<Timed>>>

/** Puts everything in place for round `n`. */
type PlaceRound = (n: number) => TaskEither<DeviceError, Readonly<Record<ProgramName, Placed>>>

const valuesOf = (literals: ReadonlyArray<Literal>): Arrays => literals.map(peek)

const smallest = (buffers: ReadonlyArray<DeviceBuffer>): ReadonlyArray<DeviceBuffer> =>
  [...buffers].sort((a, b) => a.size - b.size).slice(0, 1)

/** A device that answers early has done all that it was asked for when it tells what a result is. */
const placed = (
  device: Device,
  { executable }: LoadedProgram,
  inputs: ReadonlyArray<DeviceBuffer>,
  outputs: ReadonlyArray<DeviceBuffer>
): Placed => ({ executable, inputs, outputs, settled: settling(device.read)(smallest(outputs)) })

/** Allocates all arrays, and draws the parameters. The moments are zero, as all new memory is. */
const prepare = (
  device: Device,
  loaded: LoadedStep,
  shard: Arrays,
  key: Words
): TaskEither<DeviceError, PlaceRound> => {
  const { allocate, arrangement, drawing, programs, shardGrad, update } = loaded
  const { reads, shardGrad: gradient } = programs.stages[0].step
  const specs = otherArrays(loaded)
  const write = settling(device.write)
  const params = (bank: Arranged): ReadonlyArray<DeviceBuffer> => pick(reads, bank.list)
  return pipe(
    TE.Do,
    TE.bind('first', () => arrangement.state),
    TE.bind('second', () => arrangement.state),
    TE.bind('sums', () => arrangement.gradients),
    TE.bind('shard', () => allocate(specs.shard)),
    TE.bind('step', () => allocate(specs.step)),
    TE.bind('report', () => allocate(specs.report)),
    TE.chainFirst((to) => write(to.shard.list, [...shard, ...valuesOf(gradient.captured)])),
    TE.chainFirst((to) => write(to.step.list.slice(1), valuesOf(arrangement.update.captured))),
    TE.chainFirst(({ first }) =>
      settling(drawing.run)([Uint32Array.from(key), ...valuesOf(programs.initial.captured)], params(first))
    ),
    TE.map(({ first, second, sums, shard, step, report }): PlaceRound => (n) => {
      const [now, next] = n % 2 === 0 ? [first, second] : [second, first]
      return pipe(
        write(step.list.slice(0, 1), [Int32Array.of(n)]),
        TE.map(() => ({
          shardGrad: placed(device, shardGrad, [...params(now), ...shard.list], sums.list),
          update: placed(
            device,
            update,
            [...now.joined, ...sums.joined, ...step.list],
            [...next.joined, ...report.list]
          )
        }))
      )
    })
  )
}

/** Rounds that do not count: engines compile anew what they have run for a while. */
const warmUp = 2

/** Runs the step on one shard's inputs, its parameters drawn with the key. */
export const runRounds = (
  device: Device,
  step: LoadedStep,
  shard: Arrays,
  key: Words,
  rounds: number
): TaskEither<DeviceError, Rounds> =>
  pipe(
    prepare(device, step, shard, key),
    TE.chain((at) => async () => {
      const [shardGrad, update]: [Array<Timed>, Array<Timed>] = [[], []]
      for (let n = 0; n < warmUp + rounds; n++) {
        const ready = await at(n)()
        if (E.isLeft(ready)) return ready
        const gradient = await timed(ready.right.shardGrad)()
        if (E.isLeft(gradient)) return gradient
        const updated = await timed(ready.right.update)()
        if (E.isLeft(updated)) return updated
        if (n < warmUp) continue
        shardGrad.push(gradient.right)
        update.push(updated.right)
      }
      return E.right({ shardGrad, update })
    })
  )
