/** Directories that a process of an experiment that was killed may still have, until it has saved its state. */

import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import type { Job } from '../../experiment/plan.js'
import { exists, namesIn } from '../../store/files/files.js'
import { lockDirectory } from '../../store/files/lock.js'
import type { Places } from './places.js'

/** Milliseconds between two looks. */
const lookEvery = 300

const isHeld = async (directory: string): Promise<boolean> => {
  const there = await exists(directory)()
  if (E.isLeft(there) || !there.right) return false
  const lock = await lockDirectory(directory)()
  if (E.isRight(lock)) await lock.right.release()
  return E.isLeft(lock) && lock.left._tag === 'InUse'
}

/** The directories that processes of a job lock: a run's own, or one for each trial. */
const lockedBy = async (places: Places, job: Job): Promise<ReadonlyArray<string>> => {
  const own = places.of(job)
  if (job._tag === 'Pretraining') return [own]
  const names = await namesIn(own)()
  return E.isLeft(names) ? [] : names.right.filter((name) => name.startsWith('trial-')).map((name) => join(own, name))
}

/** Waits until nobody has them. False where that was interrupted. */
export const untilFree = async (places: Places, job: Job, isInterrupted: () => boolean): Promise<boolean> => {
  for (;;) {
    if (isInterrupted()) return false
    const held = await Promise.all((await lockedBy(places, job)).map(isHeld))
    if (!held.includes(true)) return true
    await wait(lookEvery)
  }
}
