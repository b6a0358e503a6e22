/**
 * gpu.js's own modes on this machine: WebAssembly, and WebGPU where there is an adapter.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { gpuJs, showDeviceError, type GpuJsMode, type GpuJsMultiplier } from '../src/tensor/index.js'

/** gpu.js on a CPU runs in this thread; how many an adapter has is its own affair. */
const gpuJsModes = [
  { mode: 'webasm', threads: 1 },
  { mode: 'webgpu', threads: undefined }
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

export const closeModes = async (modes: ReadonlyArray<Mode>): Promise<void> => {
  for (const { multiplier } of modes) if (E.isRight(multiplier)) await multiplier.right.release()
}

export const describeMode = ({ mode, multiplier }: Mode): string =>
  pipe(
    multiplier,
    E.match(
      (reason) => `gpu.js:${mode} is not measured: ${reason}`,
      ({ runsOn }) => `gpu.js:${mode} computes on ${runsOn}`
    )
  )

/** FLOP of a run up to which it is measured unless slow ones are wanted: about a second's worth. */
export const bearable = (multiplier: GpuJsMultiplier): number => {
  if (multiplier.runsOn.includes('software')) return 5e7
  return multiplier.name === 'gpu.js:webasm' ? 6e8 : Infinity
}
