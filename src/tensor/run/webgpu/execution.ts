/**
 * Runs of a loaded program: arrays and temporaries get places, launches are encoded and submitted, and what is wanted here is read back.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DType } from '../../dtype.js'
import type { Program } from '../../program/program.js'
import { checkArrays } from '../arrays.js'
import { isBuffer, type DeviceError, type Executable, type ProgramArray } from '../device.js'
import type { GpuCompilation, Launch } from './compilation.js'
import { nothingPending, sound, submitted, type Context, type Pending } from './context.js'
import { storedOf } from './device-buffers.js'
import { observed, type Encode } from './observation.js'
import type { Ready } from './ready.js'
import type { Stored } from './storage.js'
import { readBack, upload } from './transfer.js'

export type Loaded = {
  readonly program: Program
  readonly compilation: GpuCompilation
  readonly dtypes: ReadonlyArray<DType>
  readonly together: Launches
  /** Each kernel by itself, for whoever watches. */
  readonly apart: IO<Launches>
}

/** What is submitted, one after the other. */
export type Launches = {
  readonly list: ReadonlyArray<Launch>
  /** From the first call on the same, once it has succeeded. */
  readonly ready: TE.TaskEither<DeviceError, ReadonlyArray<Ready>>
  /** The bind groups of each launch, by the buffers in them. */
  readonly bindGroups: ReadonlyArray<Map<string, GPUBindGroup>>
}

/** Bind groups that a launch keeps: of two banks of a state, and of some more. */
const keptBindGroups = 4

const bindGroupOf = (
  { gpu: { device } }: Context,
  { layout, entries }: Ready,
  kept: Map<string, GPUBindGroup>,
  buffers: ReadonlyArray<Stored>
): GPUBindGroup => {
  const key = buffers.map(({ id }) => id).join()
  const old = kept.get(key)
  if (old !== undefined) return old
  const made = device.createBindGroup({ layout, entries: [...entries(buffers)] })
  if (kept.size >= keptBindGroups) kept.clear()
  kept.set(key, made)
  return made
}

const encoderOf =
  (
    context: Context,
    { list, bindGroups }: Launches,
    ready: ReadonlyArray<Ready>,
    places: ReadonlyArray<Stored | undefined>
  ): Encode =>
  (pass, k) => {
    const bound = list[k].buffers.flatMap((buffer) => places[buffer] ?? [])
    pass.setPipeline(ready[k].pipeline)
    pass.setBindGroup(0, bindGroupOf(context, ready[k], bindGroups[k], bound))
    pass.dispatchWorkgroups(...ready[k].workgroups)
  }

/** Launches that are submitted together: the GPU begins with the first while the rest is encoded. */
const batch = 128

const submit = ({ gpu: { device } }: Context, launches: number, encode: Encode): void => {
  for (let first = 0; first < launches; first += batch) {
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    for (let k = first; k < Math.min(first + batch, launches); k++) encode(pass, k)
    pass.end()
    device.queue.submit([encoder.finish()])
  }
}

/** Where the arrays and the temporaries of a run lie. */
type Places = {
  readonly arrays: ReadonlyArray<Stored>
  readonly slots: ReadonlyArray<Stored>
  /** What is given back once the run is submitted. */
  readonly taken: ReadonlyArray<Stored>
  /** Outputs that are computed elsewhere, and copied to where they belong. */
  readonly moves: ReadonlyArray<{ readonly from: Stored; readonly to: Stored; readonly bytes: number }>
}

/**
 * Arrays that lie on the GPU stay there; those of this process get places for the run. So do outputs in buffers that have inputs, too, and
 * outputs that the program reads again, where they are parts of a buffer: no part can be written while another is read.
 */
const placesFor = (
  context: Context,
  { compilation: { kernels, bytes, placement, rereads } }: Loaded,
  arrays: ReadonlyArray<ProgramArray>
): TE.TaskEither<DeviceError, Places> =>
  pipe(
    arrays,
    E.traverseArray((array) => (isBuffer(array) ? storedOf(context, array) : E.right(undefined))),
    TE.fromEither,
    TE.bindTo('own'),
    TE.let('elsewhere', ({ own }) => {
      const read = new Set(own.slice(0, kernels.inputs).map((stored) => stored?.buffer))
      const stays = ({ buffer, owner }: Stored, i: number): boolean =>
        i < kernels.inputs || !(read.has(buffer) || (owner !== undefined && rereads.has(i)))
      return own.flatMap((stored, i) => (stored !== undefined && stays(stored, i) ? [] : [i]))
    }),
    TE.bind('taken', ({ elsewhere }) => context.storage.take([...placement.slots, ...elsewhere.map((i) => bytes[i])])),
    TE.map(({ own, elsewhere, taken }): Places => {
      const slots = taken.slice(0, placement.slots.length)
      const given = new Map(elsewhere.map((i, at) => [i, taken[slots.length + at]]))
      const placed = own.flatMap((stored, i) => given.get(i) ?? stored ?? [])
      const moves = elsewhere.flatMap((i) => {
        const to = own[i]
        return to === undefined ? [] : [{ from: placed[i], to, bytes: bytes[i] }]
      })
      return { arrays: placed, slots, taken, moves }
    })
  )

const move = ({ gpu: { device } }: Context, moves: Places['moves']): void => {
  if (moves.length === 0) return
  const encoder = device.createCommandEncoder()
  moves.forEach(({ from, to, bytes }) =>
    encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes)
  )
  device.queue.submit([encoder.finish()])
}

/** Submits the copies of those outputs that are arrays of this process. */
const readOutputs = (
  context: Context,
  { dtypes }: Loaded,
  inputs: number,
  arrays: ReadonlyArray<ProgramArray>,
  places: Places
): TE.TaskEither<DeviceError, Pending> => {
  const wanted = arrays.flatMap((array, i) =>
    i < inputs || isBuffer(array) ? [] : [{ array, stored: places.arrays[i], dtype: dtypes[i] }]
  )
  return wanted.length === 0
    ? TE.right(nothingPending)
    : readBack(
        context,
        wanted.map(({ stored }) => stored),
        wanted.map(({ dtype }) => dtype),
        wanted.map(({ array }) => array)
      )
}

export const runOn =
  (context: Context, loaded: Loaded): Executable<'async'>['run'] =>
  (inputs, outputs, observe) => {
    const { compilation, program, dtypes } = loaded
    const { bytes, placement } = compilation
    const launches = observe === undefined ? loaded.together : loaded.apart()
    const arrays = [...inputs, ...outputs]
    const work = pipe(
      TE.fromEither(sound(context)),
      TE.chainEitherK(() => checkArrays('webgpu', program, 'float32', inputs, outputs)),
      TE.bind('ready', () => launches.ready),
      TE.bind('places', () => placesFor(context, loaded, arrays)),
      TE.chain(({ ready, places }) => {
        inputs.forEach((data, i) => {
          if (!isBuffer(data)) upload(context, places.arrays[i], data, dtypes[i])
        })
        const bound = bytes.map((_, i) => {
          const slot = placement.slotOf[i]
          return places.arrays[i] ?? (slot === undefined ? undefined : places.slots[slot])
        })
        const encode = encoderOf(context, launches, ready, bound)
        return pipe(
          observe === undefined
            ? TE.fromIO(() => submit(context, launches.list.length, encode))
            : observed(context.gpu.device, compilation, launches.list, encode, observe),
          TE.chain(() => {
            move(context, places.moves)
            return readOutputs(context, loaded, inputs.length, arrays, places)
          }),
          T.chainFirstIOK(() => () => context.storage.giveBack(places.taken))
        )
      })
    )
    return submitted(context, work)
  }
