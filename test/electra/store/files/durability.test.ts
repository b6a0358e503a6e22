/**
 * What is written is there after a loss of power, and whole whenever that comes.
 */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it, vi } from 'vitest'
import { saveCheckpoint } from '../../../../src/electra/store/checkpoints/checkpoint.js'
import {
  makeDirectories,
  removeDirectory,
  replaceDirectory,
  writeDirectory,
  writeFileWhole
} from '../../../../src/electra/store/files/files.js'
import { metricsFile } from '../../../../src/electra/training/metrics-file.js'
import { rightOf } from '../../data/right.js'
import { checkpointOf, inDirectory } from '../checkpoints/checkpoint-cases.js'
import { afterPowerLoss } from './durable-fs.js'

vi.mock('node:fs/promises', async (original) => (await import('./durable-fs.js')).watchedFs(original))

const files = (text: string): ReadonlyMap<string, Uint8Array> =>
  new Map(['a', 'b'].map((name) => [name, new TextEncoder().encode(`${name}${text}`)]))

type Work = (root: string, text: string) => TE.TaskEither<unknown, unknown>

const works: ReadonlyArray<Work> = [
  (root, text) => makeDirectories(join(root, 'made', text)),
  (root, text) => writeFileWhole(join(root, 'file'), text),
  (root, text) => writeDirectory(join(root, 'under', text), 'new', files(text)),
  (root, text) => replaceDirectory(join(root, 'model'), 'half', files(text)),
  (root, text) => saveCheckpoint(join(root, 'checkpoints'), checkpointOf(text.length), { keep: 2 })
]

describe('what has been written', () => {
  it('is on disk when it is said to be, by its own name only when it is whole, and removed by no name of its own', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(fc.nat({ max: works.length - 1 }), fc.integer({ min: 1, max: 9 })), {
          maxLength: 8,
          selector: String
        }),
        (steps) =>
          inDirectory(async (root) => {
            for (const [work, size] of steps)
              expect(await afterPowerLoss(root, () => rightOf(works[work](root, 'x'.repeat(size))))).toEqual([])
          })
      ),
      { numRuns: 20 }
    ))

  it('goes by a temporary name, which the disk knows before the first file goes', () =>
    inDirectory(async (root) => {
      await rightOf(writeDirectory(root, 'old', files('')))
      expect(await afterPowerLoss(root, () => rightOf(removeDirectory(root, 'old')))).toEqual([])
      expect(readdirSync(root)).toEqual([])
    }))

  it('is in the metrics once they are synced', () =>
    inDirectory(async (root) => {
      const { append, sync } = await rightOf(metricsFile(root, { step: 0, owesEvaluation: false }))
      const line = append({ kind: 'step', step: 1 })
      expect(await afterPowerLoss(root, () => rightOf(line))).toEqual(['metrics.jsonl is not on disk'])
      expect(
        await afterPowerLoss(root, async () => {
          await rightOf(line)
          await rightOf(sync)
        })
      ).toEqual([])
    }))
})
