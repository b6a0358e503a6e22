/**
 * Which tile is fastest for a product, found by timing those that fit: once for each distinct product of a device.
 *
 * Tiles add up terms in one order, so a race decides how long a product takes and nothing else. Products are raced alone; those that run at
 * once have workgroups of one size, the one with which they take least time in all.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { jointDispatch, productsIn } from '../../emit/wgsl/kernels.js'
import type { Dispatch } from '../../program/gpu/dispatch.js'
import type { GpuProduct } from '../../program/gpu/gpu-kernel.js'
import { rivalsFor, threadsOf, type Tile } from '../../program/gpu/tiles.js'
import { reasonOf } from '../../reason.js'
import type { DeviceError } from '../device.js'
import type { GpuCompilation, Launch } from './compilation.js'
import type { Context } from './context.js'
import { deviceFailed } from './gpu.js'
import type { Stored } from './storage.js'
import { nanosecondsOf } from './timestamps.js'

/** A tile of a product, ready to run. */
type Entrant = { readonly tile: Tile; readonly dispatch: Dispatch; readonly pipeline: GPUComputePipeline }

/** A tile, and the nanoseconds that a product took with it. */
type Raced = { readonly tile: Tile; readonly nanoseconds: number }

/** What has been found: the tiles of each product, by the text that it has without a race. */
export type Races = Map<string, ReadonlyArray<Raced>>

/** How large buffers are, and how they are stored. */
type Buffers = Pick<GpuCompilation, 'bytes' | 'halves'>

/** Runs of each tile, of which the fastest counts. */
const runs = 3

/** Nanoseconds of the fastest run of each, in their order. All of them bind the same buffers, in one order. */
const timesOf = async (
  device: GPUDevice,
  entrants: ReadonlyArray<Entrant>,
  places: ReadonlyArray<Stored>
): Promise<ReadonlyArray<number>> => {
  const groups = entrants.map(({ pipeline }) =>
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: places.map(({ buffer, offset, bytes }, binding) => ({
        binding,
        resource: { buffer, offset, size: bytes }
      }))
    })
  )
  const times = await nanosecondsOf(device, runs * entrants.length, (pass, k) => {
    const i = Math.floor(k / runs)
    pass.setPipeline(entrants[i].pipeline)
    pass.setBindGroup(0, groups[i])
    pass.dispatchWorkgroups(...entrants[i].dispatch.workgroups)
  })
  return entrants.map((_, i) => Math.min(...times.slice(runs * i, runs * (i + 1))))
}

/** The tiles of a product that the driver compiles. Fails where it compiles none. */
const entrantsOf = (
  { limits, pipelines }: Context,
  product: GpuProduct,
  halves: ReadonlySet<number>
): TE.TaskEither<DeviceError, ReadonlyArray<Entrant>> =>
  pipe(
    rivalsFor(product.contraction, limits.products),
    T.traverseArray((tile) => {
      const dispatch = jointDispatch([product], limits, halves, [tile])
      return pipe(
        pipelines.compile(dispatch.shader),
        TE.map((pipeline): Entrant => ({ tile, dispatch, pipeline }))
      )
    }),
    T.map(RA.separate),
    TE.fromTask,
    TE.chain(({ left: refused, right: entrants }) =>
      entrants.length === 0 && refused.length > 0 ? TE.left(refused[0]) : TE.right(entrants)
    )
  )

/** The tiles of a product, on storage of the sizes that it will have; none where there is no room for that beside what is there. */
const race = (
  context: Context,
  product: GpuProduct,
  { bytes, halves }: Buffers
): TE.TaskEither<DeviceError, ReadonlyArray<Raced>> => {
  const { storage, gpu } = context
  const onPlaces = (
    entrants: ReadonlyArray<Entrant>,
    places: ReadonlyArray<Stored>
  ): TE.TaskEither<DeviceError, ReadonlyArray<Raced>> =>
    pipe(
      TE.tryCatch(
        () => timesOf(gpu.device, entrants, places),
        (thrown) => deviceFailed(`a race of tiles: ${reasonOf(thrown)}`)
      ),
      T.chainFirstIOK(() => () => storage.giveBack(places)),
      TE.map((times) => entrants.map(({ tile }, i) => ({ tile, nanoseconds: times[i] })))
    )
  return pipe(
    entrantsOf(context, product, halves),
    TE.chain((entrants) =>
      pipe(
        storage.take(entrants[0].dispatch.buffers.map((buffer) => bytes[buffer])),
        TE.matchE(
          (e) => (e._tag === 'OutOfMemory' ? TE.right([]) : TE.left(e)),
          (places) => onPlaces(entrants, places)
        )
      )
    )
  )
}

/** The fastest of those of a number of threads. */
const fastest = (raced: ReadonlyArray<Raced>, threads: number): Raced | undefined =>
  raced
    .filter(({ tile }) => threadsOf(tile) === threads)
    .reduce<Raced | undefined>(
      (best, one) => (best === undefined || one.nanoseconds < best.nanoseconds ? one : best),
      undefined
    )

/**
 * A tile for each of some products, all of one number of threads: those with which they take least time one after the other. `undefined`
 * where no number of threads has a time of each.
 */
export const bestTiles = (products: ReadonlyArray<ReadonlyArray<Raced>>): ReadonlyArray<Tile> | undefined => {
  const counts = new Set(products.flat().map(({ tile }) => threadsOf(tile)))
  const timeOf = (lineup: ReadonlyArray<Raced>): number => lineup.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0)
  return [...counts]
    .map((threads) => products.flatMap((raced) => fastest(raced, threads) ?? []))
    .filter(({ length }) => length === products.length)
    .reduce<ReadonlyArray<Raced> | undefined>(
      (best, lineup) => (best === undefined || timeOf(lineup) < timeOf(best) ? lineup : best),
      undefined
    )
    ?.map(({ tile }) => tile)
}

/** The launches of a program, the products of each by the tiles that have been found fastest. */
export const raced = (
  context: Context,
  races: Races,
  buffers: Buffers,
  launches: ReadonlyArray<Launch>
): TE.TaskEither<DeviceError, ReadonlyArray<Launch>> => {
  const { limits } = context
  const found = (product: GpuProduct): TE.TaskEither<DeviceError, ReadonlyArray<Raced>> => {
    const { code } = jointDispatch([product], limits, buffers.halves).shader
    const known = races.get(code)
    if (known !== undefined) return TE.right(known)
    return pipe(
      race(context, product, buffers),
      TE.chainFirstIOK((times) => () => {
        if (times.length > 0) races.set(code, times)
      })
    )
  }
  const winner = (launch: Launch): TE.TaskEither<DeviceError, Launch> => {
    const { work } = launch
    if (work._tag === 'gpu.js') return TE.right(launch)
    const products = productsIn(work.kernels)
    if (products.length === 0) return TE.right(launch)
    return pipe(
      products,
      TE.traverseSeqArray(found),
      TE.map((times) => {
        const tiles = bestTiles(times)
        return tiles === undefined
          ? launch
          : { ...launch, work: { ...work, ...jointDispatch(work.kernels, limits, buffers.halves, tiles) } }
      })
    )
  }
  return limits.race && context.gpu.device.features.has('timestamp-query')
    ? pipe(launches, TE.traverseSeqArray(winner))
    : TE.right(launches)
}
