/**
 * What commands that carry out runs have alike: on what and how often to save, where options and what a run had before decide it, and
 * how they end where a run fails.
 */

import { availableParallelism } from 'node:os'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { deviceNames, multiplierNames, type Precision } from '../../tensor/run/choose.js'
import type { RunError } from '../training/run.js'
import type { RunRecord } from '../training/run-record.js'
import type { Advice } from './advice.js'
import type { Console } from './console.js'
import type { ElectraConfig } from '../config/config.js'
import { counted } from '../counted.js'
import type { DeviceOptions } from './device.js'
import { exitCodes, failed, wrongUsage, type Command, type Failure } from './outcome.js'
import { showRunError } from './show-error.js'

/** What may be asked for. */
export type AskedExecution = Partial<DeviceOptions> & {
  readonly workers?: number
  readonly checkpointEvery?: number
  readonly keep?: number
}

/** How a run is carried out. */
export type ChosenExecution = DeviceOptions & {
  readonly workers: number
  readonly checkpointEvery: number
  readonly keepCheckpoints: number
  readonly precision: Precision
}

/** As for all that is chosen. */
export const precisionOf = (asked: AskedExecution, record: Pick<RunRecord, 'precision'> | undefined): Precision =>
  asked.precision ?? record?.precision ?? 'float32'

/** As it was asked for, else as it was before, else by default. */
export const executionOf = (
  asked: AskedExecution,
  defaults: Pick<ChosenExecution, 'checkpointEvery' | 'keepCheckpoints'>,
  record: RunRecord | undefined
): ChosenExecution => {
  const before = record?.starts.at(-1)
  const device = asked.device ?? deviceNames.find((name) => name === before?.device) ?? 'auto'
  return {
    device,
    matmul: asked.matmul ?? multiplierNames.find((name) => name === before?.multiplier) ?? 'auto',
    relaxedSimd: asked.relaxedSimd ?? before?.relaxedSimd ?? false,
    // One process drives a GPU, however many threads the run had before.
    workers: asked.workers ?? (device === 'webgpu' ? 1 : (before?.workers ?? 1)),
    adapter: asked.adapter,
    precision: precisionOf(asked, record),
    checkpointEvery: asked.checkpointEvery ?? record?.checkpointEvery ?? defaults.checkpointEvery,
    keepCheckpoints: asked.keep ?? record?.keepCheckpoints ?? defaults.keepCheckpoints
  }
}

export const noteWorkers = ({ workers }: Pick<ChosenExecution, 'workers'>, console: Console): void => {
  const cores = availableParallelism()
  if (workers > cores)
    console.note(
      `${counted(workers, 'worker')} on ${counted(cores, 'core')}: more than run at once. ` +
        `Each takes memory and a moment to start, and none beyond ${cores} makes a step faster.`
    )
}

/** A shard is a part of a batch for a thread; a GPU has nothing but more passes of it. */
export const noteShards = (
  { device }: Pick<ChosenExecution, 'device'>,
  { shards }: Pick<ElectraConfig, 'shards'>,
  console: Console
): void => {
  if (device === 'webgpu' && shards > 1)
    console.note(
      `${shards} shards on one GPU: each is a pass of its own, with thinner products. ` +
        'A new run with --set shards=1 takes a batch in one, and rounds otherwise.'
    )
}

/** A run in mixed precision begins on what computes in half precision; it may go on on anything. */
export const expectHalfPrecision = ({
  device,
  precision
}: Pick<ChosenExecution, 'device' | 'precision'>): E.Either<Failure, void> =>
  precision === 'float32' || device === 'webgpu'
    ? E.right(undefined)
    : E.left(
        wrongUsage(
          `--precision mixed: found it with the device ${device}, expected --device webgpu with an adapter that has shader-f16 ` +
            '(see `pure-electra devices`): no other computes in half precision. Give that, or leave out --precision'
        )
      )

export const notePrecision = (
  { device, precision }: Pick<ChosenExecution, 'device' | 'precision'>,
  console: Console
): void => {
  if (precision === 'mixed' && device !== 'webgpu')
    console.note(
      `the run is in mixed precision, and ${device} computes in float32: it goes on in that, and scales its losses as before`
    )
}

/** How a command ends where it fails. What another rank says, this one does not. */
export const ending =
  (advice: Advice) =>
  (e: Failure | RunError): Command => {
    if (!('_tag' in e)) return TE.left(e)
    if (e._tag === 'FailedElsewhere') return TE.right(exitCodes.failed)
    return TE.left((e._tag === 'WrongRankCount' ? wrongUsage : failed)(showRunError(e, advice)))
  }
