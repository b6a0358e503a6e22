/**
 * A whole step of training as `pretrain --device webgpu` takes it: tokens a second, what a million steps would take, memory.
 */

import { execFileSync } from 'node:child_process'
import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import { runKeys } from '../../src/electra/pretraining/keys.js'
import { showDeviceError } from '../../src/tensor/index.js'
import { webgpu, type WebGpuOptions } from '../../src/tensor/run/webgpu/webgpu.js'
import { showWorkerError } from '../../src/workers/error.js'
import type { Fold, StepOutputs } from '../../src/workers/fold/fold.js'
import { plannedBytes } from '../../src/workers/fold/memory-plan.js'
import { residentFold } from '../../src/workers/fold/resident-fold.js'
import { inputsOf, orThrow, type Training } from './programs.js'

export type Stepped = {
  readonly milliseconds: number
  readonly steps: number
  readonly firstSeconds: number
  readonly plannedBytes: number
  /** What the driver says is in use, of all processes. */
  readonly driverMegabytes: number | undefined
  readonly gradientNorms: readonly [number, number]
}

/** Where there is an NVIDIA driver. */
const driverMegabytes = (): number | undefined => {
  try {
    const told = execFileSync('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader,nounits'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 10_000
    })
    return Number.parseInt(told, 10)
  } catch {
    return undefined
  }
}

/** Takes steps `first` to `last - 1`, as many in flight as the fold's window. */
const takeSteps = async (
  fold: Fold,
  training: Training,
  first: number,
  last: number
): Promise<ReadonlyArray<StepOutputs>> => {
  const shards = [inputsOf(training)]
  const pending: Array<ReturnType<ReturnType<Fold['step']>>> = []
  const done: Array<StepOutputs> = []
  const settle = async (): Promise<void> => {
    const next = pending.shift()
    if (next !== undefined) done.push(pipe(await next, orThrow(showWorkerError)))
  }
  for (let n = first; n < last; n++) {
    if (pending.length >= fold.window) await settle()
    pending.push(fold.step(shards, [Int32Array.of(n)])())
  }
  while (pending.length > 0) await settle()
  return done
}

const normOf = ({ report }: StepOutputs): number => report[0][0]

export const measureStep = async (
  training: Training,
  options: Pick<WebGpuOptions, 'products' | 'precision'>,
  seconds: number
): Promise<Stepped> => {
  const device = pipe(await webgpu(options)(), orThrow(showDeviceError))
  try {
    const { programs, step } = training
    const fold = pipe(await residentFold(device).make(step)(), orThrow(showWorkerError))
    const names = Object.keys(step.reads).map((_, i) => step.reads[i])
    const filled = await fold.fill('initial', programs.initial, names, [Uint32Array.from(runKeys(0).parameters)])()
    if (E.isLeft(filled)) throw new Error(showWorkerError(filled.left))
    const began = performance.now()
    const [first] = await takeSteps(fold, training, 0, 1)
    const firstSeconds = (performance.now() - began) / 1000
    const warmed = performance.now()
    await takeSteps(fold, training, 1, 3)
    const each = (performance.now() - warmed) / 2
    const steps = Math.max(2, Math.min(500, Math.ceil((1000 * seconds) / each)))
    const start = performance.now()
    const outputs = await takeSteps(fold, training, 3, 3 + steps)
    const milliseconds = (performance.now() - start) / steps
    const gradientNorms = [normOf(first), normOf(outputs[outputs.length - 1])] as const
    const numbers = [...gradientNorms, ...outputs.flatMap(({ metrics }) => metrics.flatMap((array) => [...array]))]
    if (!numbers.every(Number.isFinite)) throw new Error('WRONG: a metric or the norm of the gradient is no number')
    return {
      milliseconds,
      steps,
      firstSeconds,
      plannedBytes: plannedBytes(fold.memory()),
      driverMegabytes: driverMegabytes(),
      gradientNorms
    }
  } finally {
    await device.release()
  }
}
