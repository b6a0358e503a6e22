/**
 * Which file of a directory holds a split of a data set: by the names that it is published under.
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { systemReasonOf } from '../../system-error.js'
import type { TaskDataError } from './data-error.js'

/** Names of one file, the preferred first. A name that begins with `*` stands for every name that ends so. */
export type FileNames = readonly [string, ...ReadonlyArray<string>]

/** How many names an error shows. */
const shownNames = 8

const shown = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? 'no files'
    : names.slice(0, shownNames).join(', ') +
      (names.length > shownNames ? ` and ${names.length - shownNames} more` : '')

/** The file of the first name that is there, each name also compressed (`.gz`). Two files that one name stands for are an error. */
export const fileNamed =
  (directory: string, names: FileNames) =>
  (there: ReadonlyArray<string>): Either<TaskDataError, string | undefined> => {
    for (const name of names.flatMap((plain) => [plain, `${plain}.gz`])) {
      const found = there.filter((file) => (name.startsWith('*') ? file.endsWith(name.slice(1)) : file === name))
      if (found.length === 1) return E.right(join(directory, found[0]))
      if (found.length > 1)
        return E.left({
          _tag: 'UnreadableData',
          path: directory,
          reason: `found ${shown(found)}, expected one file called ${name}`
        })
    }
    return E.right(undefined)
  }

const listed = (directory: string): TaskEither<TaskDataError, ReadonlyArray<string>> =>
  TE.tryCatch(
    async () => (await readdir(directory)).sort(),
    (error): TaskDataError => ({ _tag: 'UnreadableData', path: directory, reason: systemReasonOf(error) })
  )

/** The paths of the files of splits, by the names of splits. Only those of `optional` may be missing. */
export const splitFiles =
  (names: { readonly [split: string]: FileNames }, optional: ReadonlyArray<string>) =>
  (directory: string): TaskEither<TaskDataError, ReadonlyArray<readonly [split: string, path: string]>> =>
    pipe(
      listed(directory),
      TE.chainEitherK((there) => {
        const paths: Array<readonly [string, string]> = []
        for (const [split, its] of Object.entries(names)) {
          const found = fileNamed(directory, its)(there)
          if (E.isLeft(found)) return found
          if (found.right !== undefined) paths.push([split, found.right])
          else if (!optional.includes(split))
            return E.left<TaskDataError>({
              _tag: 'UnreadableData',
              path: directory,
              reason: `found ${shown(there)}, expected one of ${its.join(', ')}`
            })
        }
        return E.right(paths)
      })
    )
