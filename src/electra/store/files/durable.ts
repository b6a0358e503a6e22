/**
 * What is still there after a loss of power.
 */

import { open } from 'node:fs/promises'

/** Makes names within a directory durable. Windows keeps them so by itself and cannot open directories. */
export const syncDirectory = async (path: string): Promise<void> => {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** A new file, whose content is on disk when it is written. Its name is once its directory is synced. */
export const writeSynced = async (path: string, content: Uint8Array | string): Promise<void> => {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}
