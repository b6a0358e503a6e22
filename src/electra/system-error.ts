/**
 * What the operating system says went wrong, in plain words.
 */

import { reasonOf } from '../tensor/reason.js'

/** The operating system's error codes that have a plainer name than Node's message. */
const plain: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file or directory'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'not permitted'],
  ['EISDIR', 'it is a directory'],
  ['ENOTDIR', 'a part of the path is not a directory'],
  ['ENOSPC', 'no space left on the device'],
  ['EDQUOT', 'disk quota exceeded'],
  ['EFBIG', 'the file would exceed the size limit'],
  ['EROFS', 'the file system is read-only'],
  ['EEXIST', 'it exists already'],
  ['ENOTEMPTY', 'it exists already and is not empty']
])

/** The code of an error from the operating system, if that is what it is. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** What a code of the operating system means; `otherwise` where that is not known. */
export const reasonOfCode = (code: string | undefined, otherwise: string): string => {
  const known = code === undefined ? undefined : plain.get(code)
  return known !== undefined ? `${known} (${code})` : otherwise
}

export const systemReasonOf = (error: unknown): string => reasonOfCode(codeOf(error), reasonOf(error))
