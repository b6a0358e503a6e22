/**
 * The step that is counted and measured: a preset with one shard, its programs, and random tokens.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { objectiveOf, pretrainingPrograms, showConfigError, type ElectraConfig } from '../../src/electra/browser.js'
import { presetConfig } from '../../src/electra/config/resolve.js'
import { presetNames, type PresetName } from '../../src/electra/config/presets.js'
import { slotsOf } from '../../src/electra/data/examples/masking.js'
import { drawnPieces } from '../../src/electra/objective/pieces.js'
import type { PretrainingPrograms } from '../../src/electra/browser.js'
import { runKeys } from '../../src/electra/pretraining/keys.js'
import { shardToProfile } from '../../src/electra/profile/shard.js'
import { showTensorError } from '../../src/tensor/index.js'
import type { Arrays, Step } from '../../src/workers/index.js'

/** A preset at a batch and a length, such as `small:128x128`. */
export type StepSize = {
  readonly preset: PresetName
  readonly batch: number
  readonly length: number
  readonly vocabulary: number
}

export type Training = {
  readonly size: StepSize
  readonly config: ElectraConfig
  readonly programs: PretrainingPrograms
  readonly step: Step
}

export const nameOf = ({ preset, batch, length }: StepSize): string => `${preset}, ${batch} x ${length}`

/** `small:128x128` */
export const parsedStep = (text: string, vocabulary: number): StepSize => {
  const found = /^([a-z]+):(\d+)x(\d+)$/.exec(text)
  const preset = presetNames.find((name) => name === found?.[1])
  if (found === null || preset === undefined)
    throw new Error(`found the step ${text}, expected PRESET:BATCHxLENGTH, as small:128x128`)
  return { preset, batch: Number(found[2]), length: Number(found[3]), vocabulary }
}

export const orThrow =
  <E>(show: (e: E) => string) =>
  <A>(result: E.Either<E, A>): A => {
    if (E.isLeft(result)) throw new Error(show(result.left))
    return result.right
  }

/** Longer than any measurement: the schedule is part of the programs. */
const totalSteps = 1_000_000

/** The dropout of the paper, also where a preset has none: the step that is measured is the whole one. */
export const trainingOf = (size: StepSize): Training => {
  const config = pipe(
    presetConfig(size.preset, [
      'shards=1',
      `batchSize=${size.batch}`,
      `sequenceLength=${size.length}`,
      'model.hiddenDropout=0.1',
      'model.attentionDropout=0.1'
    ]),
    orThrow(showConfigError)
  )
  const programs = pipe(
    pretrainingPrograms(config, objectiveOf(config, drawnPieces(size.vocabulary)), totalSteps),
    orThrow(showTensorError)
  )
  return { size, config, programs, step: programs.stages[0].step }
}

/** The inputs of the one shard: full rows of random tokens, masked. */
export const inputsOf = ({ config, size }: Training): Arrays =>
  pipe(
    shardToProfile(config, { corpus: undefined, vocabSize: size.vocabulary }, runKeys(0)),
    orThrow((e) => e._tag)
  )

/** The sizes as `step.py` wants them. */
export const torchSizes = ({ config: { model, generator, ...config }, size }: Training): unknown => {
  const encoder = ({ hiddenSize, heads, feedForwardSize, layers }: typeof generator): unknown => ({
    hidden: hiddenSize,
    heads,
    feedForward: feedForwardSize,
    layers
  })
  return {
    vocabulary: size.vocabulary,
    embedding: model.embeddingSize,
    positions: model.maxPositions,
    length: size.length,
    batch: size.batch,
    slots: slotsOf(config.maskProbability, size.length),
    dropout: model.hiddenDropout,
    body: encoder(model),
    generator: encoder(generator)
  }
}
