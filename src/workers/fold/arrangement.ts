/**
 * How the arrays of a resident fold lie: each by itself, or those that an update treats alike side by side, to be updated as one.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Lowered } from '../../tensor/program/lower.js'
import { outputSpecs, type Spec } from '../../tensor/program/program.js'
import type { DeviceBlock, DeviceBuffer, DeviceBuffers, DeviceError } from '../../tensor/run/device.js'
import type { Shape } from '../../tensor/shape.js'
import type { WorkerError } from '../error.js'
import type { FlatUpdate, Step } from './fold.js'
import { rejected } from './agreement.js'
import { pick } from './pick.js'
import type { StepSpecs } from './step-specs.js'

/** A state, or the gradients and metrics of shards. */
export type Arranged = {
  /** In the order of the state, or of the outputs of `shardGrad`. */
  readonly list: ReadonlyArray<DeviceBuffer>
  /** The same as the update takes them: of gradients those alone. */
  readonly joined: ReadonlyArray<DeviceBuffer>
}

export type Arrangement = {
  readonly state: TE.TaskEither<DeviceError, Arranged>
  readonly gradients: TE.TaskEither<DeviceError, Arranged & { readonly metrics: ReadonlyArray<DeviceBuffer> }>
  readonly update: Lowered
}

type Allocating = {
  readonly allocate: (specs: ReadonlyArray<Spec>) => TE.TaskEither<DeviceError, DeviceBuffers>
  readonly allocateBlock: (shapes: ReadonlyArray<Shape>) => TE.TaskEither<DeviceError, DeviceBlock>
}

const apart = (
  { allocate }: Allocating,
  { gradients, shardGrad, update }: Step,
  { state }: StepSpecs
): Arrangement => ({
  update,
  state: pipe(
    allocate(state),
    TE.map(({ list }) => ({ list, joined: list }))
  ),
  gradients: pipe(
    allocate(outputSpecs(shardGrad.program)),
    TE.map(({ list }) => ({ list, joined: list.slice(0, gradients), metrics: list.slice(gradients) }))
  )
})

/** Buffers by the positions that blocks have theirs at. */
const inPlaces = (
  places: ReadonlyArray<ReadonlyArray<number>>,
  blocks: ReadonlyArray<DeviceBlock>
): ReadonlyArray<DeviceBuffer> => {
  const list: Array<DeviceBuffer> = []
  places.forEach((positions, block) =>
    positions.forEach((position, i) => {
      list[position] = blocks[block].list[i]
    })
  )
  return list
}

const sideBySide = (
  { allocate, allocateBlock }: Allocating,
  { gradients, shardGrad }: Step,
  { state }: StepSpecs,
  { groups, parts, apart: alone = [], update }: FlatUpdate
): TE.TaskEither<WorkerError, Arrangement> => {
  const made = outputSpecs(shardGrad.program)
  const blocksOf = (places: ReadonlyArray<ReadonlyArray<number>>, specs: ReadonlyArray<Spec>) =>
    pipe(
      places,
      TE.traverseSeqArray((positions) => allocateBlock(pick(positions, specs).map(({ shape }) => shape)))
    )
  const statePlaces = parts.flatMap((part) => groups.map((group) => pick(group, part)))
  const arranged = (
    places: ReadonlyArray<ReadonlyArray<number>>,
    specs: ReadonlyArray<Spec>
  ): TE.TaskEither<DeviceError, Arranged> =>
    pipe(
      blocksOf(places, specs),
      TE.map((blocks) => ({ list: inPlaces(places, blocks), joined: blocks.map(({ whole }) => whole) }))
    )
  const arrangedState: Arrangement['state'] = pipe(
    allocate(pick(alone, state)),
    TE.bindTo('single'),
    TE.bind('rest', () => arranged(statePlaces, state)),
    TE.map(({ single, rest }) => {
      const list = [...rest.list]
      alone.forEach((position, i) => (list[position] = single.list[i]))
      return { list, joined: [...single.list, ...rest.joined] }
    })
  )
  const gradientSet: Arrangement['gradients'] = pipe(
    arranged(groups, made.slice(0, gradients)),
    TE.bindTo('grads'),
    TE.bind('metrics', () => allocate(made.slice(gradients))),
    TE.map(({ grads, metrics }) => ({
      list: [...grads.list, ...metrics.list],
      joined: grads.joined,
      metrics: metrics.list
    }))
  )
  return pipe(
    gradientSet,
    TE.chainEitherKW((first) =>
      pipe(
        update(first.joined.map(({ size }) => size)),
        E.mapLeft((e): WorkerError => ({
          _tag: 'ProgramRejected',
          program: 'flat update',
          found: e._tag,
          expected: 'one that fits'
        })),
        E.map((lowered): Arrangement => {
          // The first set is used before another is made.
          let spare: typeof first | undefined = first
          return {
            update: lowered,
            state: arrangedState,
            gradients: () => {
              const set = spare
              spare = undefined
              return set === undefined ? gradientSet() : Promise.resolve(E.right(set))
            }
          }
        })
      )
    )
  )
}

/** Whether a flat update has the whole state, each array once. */
const isWhole = ({ state, gradients }: Step, { parts, apart: alone = [], groups }: FlatUpdate): boolean => {
  const positions = [...alone, ...parts.flat()]
  return positions.length === state && new Set(positions).size === state && new Set(groups.flat()).size === gradients
}

export const arrangementOf = (
  device: Allocating,
  step: Step,
  specs: StepSpecs
): TE.TaskEither<WorkerError, Arrangement> => {
  if (step.flat === undefined) return TE.right(apart(device, step, specs))
  return isWhole(step, step.flat)
    ? sideBySide(device, step, specs, step.flat)
    : TE.fromEither(rejected('flat update', 'parts that are not the whole state', `each of ${step.state} arrays once`))
}
