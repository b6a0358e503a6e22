/**
 * What the tests of checkpoints share: small ones, and a directory for each test.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { showConfigError, type ElectraConfig } from '../../../../src/electra/config/config.js'
import { presetConfig } from '../../../../src/electra/config/resolve.js'
import type { PresetName } from '../../../../src/electra/config/presets.js'
import type { Checkpoint } from '../../../../src/electra/store/checkpoints/checkpoint.js'
import type { RunIdentity } from '../../../../src/electra/store/checkpoints/checkpoint-state.js'
import { computedPart } from '../../../../src/electra/store/digest.js'
import { showStoreError, type StoreError } from '../../../../src/electra/store/errors.js'

export const preset = (name: PresetName): ElectraConfig => {
  const resolved = presetConfig(name)
  if (E.isLeft(resolved)) throw new Error(showConfigError(resolved.left))
  return resolved.right
}

/** What a run is, as its checkpoints say it. */
export const identityOf = (change: RunIdentity = {}): RunIdentity => ({
  problem: 'pre-training',
  config: computedPart(preset('nano')),
  corpus: 'c0ffee',
  seed: 7,
  steps: 60,
  ...change
})

export const checkpointOf = (step: number, change: Partial<Checkpoint['progress']> = {}, size = 4): Checkpoint => ({
  progress: {
    identity: identityOf(),
    step,
    metrics: { loss: 3.25, lost: NaN, zero: -0, most: Infinity },
    best: { step, loss: 1.5 },
    ...change
  },
  params: [
    { name: 'a.bias', dtype: 'F32', shape: [2], data: Float32Array.of(step, -0) },
    { name: 'a.weight', dtype: 'F32', shape: [size], data: new Float32Array(size).fill(step) }
  ],
  optimizer: [
    { name: 'count', dtype: 'I32', shape: [], data: Int32Array.of(step) },
    { name: 'mu.a.bias', dtype: 'F32', shape: [2], data: Float32Array.of(NaN, 1e-40) }
  ]
})

export const inDirectory = async <A>(use: (directory: string) => Promise<A>): Promise<A> => {
  const directory = await mkdtemp(join(tmpdir(), 'pure-electra-store-'))
  try {
    return await use(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

export const rightOf = async <A>(run: TaskEither<StoreError, A>): Promise<A> => {
  const result = await run()
  if (E.isLeft(result)) throw new Error(showStoreError(result.left))
  return result.right
}

export const leftOf = async <A>(run: TaskEither<StoreError, A>): Promise<StoreError> => {
  const result = await run()
  if (E.isRight(result)) throw new Error('succeeded where it should fail')
  return result.left
}
