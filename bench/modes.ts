/**
 * The modes of gpu.js that this machine has, as contestants beside the devices' own multiplier.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { gpuJs, showDeviceError, type GpuJsMode, type GpuJsMultiplier } from '../src/tensor/index.js'
import { upTo, type Contestant } from './race.js'

/** gpu.js on a CPU runs in this thread; how many an adapter has is its own affair. */
const gpuJsModes = [
  { mode: 'webgpu', threads: undefined },
  { mode: 'webasm', threads: 1 },
  { mode: 'cpu', threads: 1 }
] as const satisfies ReadonlyArray<{ readonly mode: GpuJsMode; readonly threads: number | undefined }>

/** One mode of gpu.js on this machine, or why there is none. */
export type Mode = {
  readonly mode: GpuJsMode
  readonly threads: number | undefined
  readonly multiplier: E.Either<string, GpuJsMultiplier>
}

export const openModes = async (): Promise<ReadonlyArray<Mode>> => {
  const opened: Array<Mode> = []
  for (const { mode, threads } of gpuJsModes)
    opened.push({ mode, threads, multiplier: pipe(await gpuJs(mode)(), E.mapLeft(showDeviceError)) })
  return opened
}

export const describeMode = ({ mode, multiplier }: Mode): string =>
  pipe(
    multiplier,
    E.match(
      (reason) => `gpu.js:${mode} is not measured: ${reason}`,
      ({ runsOn }) => `gpu.js:${mode} computes on ${runsOn}`
    )
  )

/** FLOP of a run that slow contestants bear: the reference device does about 0.03 GFLOP/s, software adapters 0.05. */
export const bearable = { reference: 1e7, software: 5e7 }

/** The modes that there are, each made a contestant by `enter`; software adapters only where it is bearable. */
export const entriesOf = (
  modes: ReadonlyArray<Mode>,
  flop: number,
  slow: boolean,
  enter: (mode: GpuJsMode, multiplier: GpuJsMultiplier, threads: number | undefined) => Contestant
): ReadonlyArray<Contestant> =>
  modes.flatMap(({ mode, multiplier, threads }) => {
    if (E.isLeft(multiplier)) return []
    const contestant = enter(mode, multiplier.right, threads)
    return [multiplier.right.runsOn.includes('software') ? upTo(bearable.software, flop, slow)(contestant) : contestant]
  })
