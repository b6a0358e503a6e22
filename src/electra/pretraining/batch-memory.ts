/**
 * What a run's batches take of the host's memory, known from sizes alone: sizes that cannot fit are refused before anything is
 * allocated for them. An operating system that runs out of memory ends the process without a word.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { ElectraConfig } from '../config/config.js'
import { slotsOf } from '../data/examples/masking.js'
import type { BatchesTooLarge } from '../training/problem.js'

type Sizes = Pick<ElectraConfig, 'batchSize' | 'sequenceLength' | 'maskProbability'>

const bytesPerElement = 4

/** Ids, attention and types; what is read where some are masked; and the slots' positions, ids and weights. */
const bytesOfBatch = ({ batchSize, sequenceLength, maskProbability }: Sizes): number =>
  bytesPerElement * batchSize * (4 * sequenceLength + 3 * slotsOf(maskProbability, sequenceLength))

/** Ids, attention, types and labels. */
const bytesOfCorrupted = ({ batchSize, sequenceLength }: Sizes): number =>
  bytesPerElement * batchSize * 4 * sequenceLength

/** Most bytes that this process may still take: without bound where the platform does not say. */
export const availableMemory: IO<number> = () =>
  typeof process === 'object' && typeof process.availableMemory === 'function' ? process.availableMemory() : Infinity

/** One at hand, one being made, and one more in flight on a GPU. */
const stepsAtHand = 3

/** Fails where the batches of steps, and so many of evaluations, take more than `available` bytes. */
export const checkBatches = (
  config: Sizes,
  evaluations: number,
  available: number
): E.Either<BatchesTooLarge, void> => {
  const batches = stepsAtHand + evaluations
  const wanted = batches * bytesOfBatch(config) + evaluations * bytesOfCorrupted(config)
  const { batchSize, sequenceLength } = config
  return wanted <= available
    ? E.right(undefined)
    : E.left({ _tag: 'BatchesTooLarge', batchSize, sequenceLength, batches, wanted, available })
}
