/**
 * Which tile is fastest for a product, found by timing those that fit: once for each distinct product of a device.
 *
 * Tiles add up terms in one order, so a race decides how long a product takes and nothing else.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { tilesFor } from '../../program/gpu/tiles.js'
import type { Dispatch } from '../../program/gpu/dispatch.js'
import { reasonOf } from '../../reason.js'
import type { DeviceError } from '../device.js'
import { multiplied, type GpuCompilation, type Launch, type Tiled } from './compilation.js'
import type { Context } from './context.js'
import { deviceFailed } from './gpu.js'
import type { Stored } from './storage.js'

/** What has been found: the tiled dispatch of each product, by the text that it has without a race. */
export type Races = Map<string, Dispatch>

/** Runs of each tile, of which the fastest counts. */
const runs = 3

// GPUBufferUsage and GPUMapMode, of which Node has no globals.
const queryUsage = 0x200 | 4
const readUsage = 1 | 8
const mapModeRead = 1

/** Nanoseconds of the fastest run of each, in their order. */
const timesOf = async (
  { device }: Pick<Context['gpu'], 'device'>,
  pipelines: ReadonlyArray<GPUComputePipeline>,
  dispatches: ReadonlyArray<Dispatch>,
  places: ReadonlyArray<Stored>
): Promise<ReadonlyArray<number>> => {
  const count = 2 * runs * dispatches.length
  const queries = device.createQuerySet({ type: 'timestamp', count })
  const [resolved, read] = [queryUsage, readUsage].map((usage) => device.createBuffer({ size: 8 * count, usage }))
  const encoder = device.createCommandEncoder()
  dispatches.forEach(({ workgroups }, i) => {
    const group = device.createBindGroup({
      layout: pipelines[i].getBindGroupLayout(0),
      entries: places.map(({ buffer, offset, bytes }, binding) => ({
        binding,
        resource: { buffer, offset, size: bytes }
      }))
    })
    for (let run = 0; run < runs; run++) {
      const first = 2 * (runs * i + run)
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet: queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 }
      })
      pass.setPipeline(pipelines[i])
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(...workgroups)
      pass.end()
    }
  })
  encoder.resolveQuerySet(queries, 0, count, resolved, 0)
  encoder.copyBufferToBuffer(resolved, 0, read, 0, 8 * count)
  device.queue.submit([encoder.finish()])
  await read.mapAsync(mapModeRead)
  const stamps = new BigUint64Array(read.getMappedRange()).slice()
  ;[resolved, read].forEach((buffer) => buffer.destroy())
  queries.destroy()
  return dispatches.map((_, i) => {
    const durations = Array.from({ length: runs }, (_, run) => {
      const first = 2 * (runs * i + run)
      return Number(stamps[first + 1] - stamps[first])
    })
    return Math.min(...durations)
  })
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
          () => timesOf(gpu, compiled, rivals, places),
          (thrown) => deviceFailed(`a race of tiles: ${reasonOf(thrown)}`)
        ),
        TE.map((times) => {
          storage.giveBack(places)
          return rivals[times.indexOf(Math.min(...times))]
        })
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
