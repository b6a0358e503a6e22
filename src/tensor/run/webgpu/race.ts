/**
 * Which tile is fastest for a product, found by timing those that fit: once for each distinct product of a device.
 *
 * Tiles add up terms in one order, so a race decides how long a product takes and nothing else.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { tilesFor } from '../../program/gpu/tiles.js'
import type { Dispatch } from '../../program/gpu/dispatch.js'
import { reasonOf } from '../../reason.js'
import type { DeviceError } from '../device.js'
import { multiplied, type GpuCompilation, type Launch, type Tiled } from './compilation.js'
import type { Context } from './context.js'
import { deviceFailed } from './gpu.js'
import type { Stored } from './storage.js'
import { nanosecondsOf } from './timestamps.js'

/** What has been found: the tiled dispatch of each product, by the text that it has without a race. */
export type Races = Map<string, Dispatch>

/** Runs of each tile, of which the fastest counts. */
const runs = 3

/** Nanoseconds of the fastest run of each, in their order. */
const timesOf = async (
  device: GPUDevice,
  pipelines: ReadonlyArray<GPUComputePipeline>,
  dispatches: ReadonlyArray<Dispatch>,
  places: ReadonlyArray<Stored>
): Promise<ReadonlyArray<number>> => {
  const groups = pipelines.map((pipeline) =>
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: places.map(({ buffer, offset, bytes }, binding) => ({
        binding,
        resource: { buffer, offset, size: bytes }
      }))
    })
  )
  const times = await nanosecondsOf(device, runs * dispatches.length, (pass, k) => {
    const rival = Math.floor(k / runs)
    pass.setPipeline(pipelines[rival])
    pass.setBindGroup(0, groups[rival])
    pass.dispatchWorkgroups(...dispatches[rival].workgroups)
  })
  return dispatches.map((_, i) => Math.min(...times.slice(runs * i, runs * (i + 1))))
}

/** The fastest of the tiles of a product, on storage of the sizes that it will have. */
const race = (context: Context, tiled: Tiled, bytes: ReadonlyArray<number>): TE.TaskEither<DeviceError, Dispatch> => {
  const { limits, pipelines, storage, gpu } = context
  const rivals = tilesFor(tiled.contraction, limits.products).map((tile) => multiplied(tiled, limits, tile).list[0])
  return pipe(
    rivals,
    TE.traverseArray(({ shader }) => pipelines.compile(shader)),
    TE.bindTo('compiled'),
    // All of them bind the same buffers, in one order.
    TE.bind('places', () => storage.take(rivals[0].buffers.map((buffer) => bytes[buffer]))),
    TE.chain(({ compiled, places }) =>
      pipe(
        TE.tryCatch(
          () => timesOf(gpu.device, compiled, rivals, places),
          (thrown) => deviceFailed(`a race of tiles: ${reasonOf(thrown)}`)
        ),
        T.chainFirstIOK(() => () => storage.giveBack(places)),
        TE.map((times) => rivals[times.indexOf(Math.min(...times))])
      )
    )
  )
}

/** The launches of a program, each product by the tile that has been found fastest. */
export const raced = (
  context: Context,
  races: Races,
  { bytes, launches }: GpuCompilation
): TE.TaskEither<DeviceError, ReadonlyArray<Launch>> => {
  const winner = (launch: Launch): TE.TaskEither<DeviceError, Launch> => {
    const { work } = launch
    if (work._tag === 'gpu.js' || work.tiled === undefined) return TE.right(launch)
    const { tiled, shader } = work
    const known = races.get(shader.code)
    return pipe(
      known === undefined ? race(context, tiled, bytes) : TE.right<DeviceError, Dispatch>(known),
      TE.map((best) => {
        races.set(shader.code, best)
        return { ...launch, work: { ...work, shader: best.shader, workgroups: best.workgroups } }
      })
    )
  }
  return context.limits.race && context.gpu.device.features.has('timestamp-query')
    ? pipe(launches, TE.traverseSeqArray(winner))
    : TE.fromEither(E.right(launches))
}
