/**
 * The right to carry out a job, which the process that does has as long as it lives: a lock on a file that it inherits open. So
 * where an experiment is killed, whoever goes on waits until what it had begun has saved its state and ended.
 */

import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { tryLock } from '../../store/files/lock.js'

/** Milliseconds between two looks. */
const lookEvery = 300

/** The file, open and locked, once nobody else has it; nothing where that was interrupted. */
export const held = async (path: string, isInterrupted: () => boolean): Promise<FileHandle | undefined> => {
  const file = await open(path, 'w')
  for (;;) {
    // Where the file system has no locks, there is nothing to wait for.
    if (tryLock(file) !== undefined) return file
    if (isInterrupted()) break
    await wait(lookEvery)
  }
  await file.close()
  return undefined
}
