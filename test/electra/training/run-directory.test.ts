/**
 * The directory of a run while somebody else has hands in it.
 */

import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { loadCheckpoint } from '../../../src/electra/store/checkpoints/checkpoint.js'
import { acquireRunDirectory, type RunDirectory } from '../../../src/electra/training/run-directory.js'
import { solo } from '../../../src/workers/index.js'
import { left, rightOf } from '../data/right.js'
import { checkpointOf, identityOf, inDirectory } from '../store/checkpoints/checkpoint-cases.js'

const identity = identityOf()

const acquire = (out: string): Promise<RunDirectory> =>
  rightOf(
    acquireRunDirectory(
      { out, resume: false, keepCheckpoints: 2, checkpointEvery: 1, totalSteps: 60, config: {} },
      identity,
      solo
    )
  )

const save = (directory: RunDirectory, step: number) => directory.save(step, TE.right(checkpointOf(step)))()

describe('the checkpoints of a run', () => {
  it.each([
    ['removed', (checkpoints: string) => rmSync(checkpoints, { recursive: true })],
    ['moved', (checkpoints: string) => renameSync(checkpoints, `${checkpoints}-elsewhere`)],
    [
      'replaced',
      (checkpoints: string) => {
        renameSync(checkpoints, `${checkpoints}-elsewhere`)
        mkdirSync(checkpoints)
      }
    ]
  ])('that are %s are missed at the next one, which is saved', (_, harm) =>
    inDirectory(async (parent) => {
      const out = join(parent, 'run')
      const checkpoints = join(out, 'checkpoints')
      const directory = await acquire(out)
      expect(await save(directory, 1)).toEqual(E.right(join(checkpoints, 'checkpoint-00000001')))
      harm(checkpoints)
      const saved = join(checkpoints, 'checkpoint-00000002')
      expect(left(await save(directory, 2))).toEqual({ _tag: 'Gone', path: checkpoints, saved })
      expect((await rightOf(loadCheckpoint(saved))).progress.step).toBe(2)
      await directory.release()
    })
  )

  it('leave no lock behind, and no directory where nothing was saved', () =>
    inDirectory(async (parent) => {
      const out = join(parent, 'run')
      const [first, second] = [await acquire(out), join(out, 'checkpoints')]
      await first.release()
      expect(readdirSync(parent)).toEqual([])
      const again = await acquire(out)
      await save(again, 1)
      await again.release()
      expect([readdirSync(out), readdirSync(second)]).toEqual([['checkpoints'], ['checkpoint-00000001']])
    }))
})
