/**
 * Whole files and whole directories: read completely, written completely or not at all.
 *
 * What is written is written under a temporary name beside its place, synced to disk, and renamed: whoever looks sees all of
 * it or nothing, after a crash, a loss of power, and on a full disk too. What a process that ended left under a temporary name
 * `removeLeftovers` removes.
 */

import { constants, type Stats } from 'node:fs'
import { access, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../../tensor/reason.js'
import { codeOf } from '../../system-error.js'
import type { StoreError } from '../errors.js'
import { syncDirectory, writeSynced } from './durable.js'

const failure =
  (operation: string, path: string) =>
  (cause: unknown): StoreError => ({
    _tag: 'FileFailure',
    operation,
    path,
    code: codeOf(cause) ?? 'unknown',
    reason: reasonOf(cause)
  })

/** Runs a file operation; what it throws becomes a `FileFailure` that names the path. */
export const attempt = <A>(operation: string, path: string, run: () => Promise<A>): TE.TaskEither<StoreError, A> =>
  TE.tryCatch(run, failure(operation, path))

const temporaryPrefix = '.pure-electra-tmp-'

/** Of what is on its way out, and goes back where nothing has come to its place. */
const formerPrefix = '.pure-electra-old-'

const temporaryName = (parent: string, name: string): string => join(parent, `${temporaryPrefix}${name}-${process.pid}`)

// ------------------------------------------------------------------ reading

/** More than any text that is read whole, `tokenizer.json` of a large vocabulary included. */
const longestText = 2 ** 26

const kindOf = (found: Stats): string => {
  if (found.isDirectory()) return 'a directory'
  if (found.isFIFO()) return 'a named pipe'
  return found.isSocket() ? 'a socket' : 'a device'
}

/**
 * A file's bytes, or what it is instead of a file of at most `limit` bytes. It never waits for what is no file: a pipe that nobody
 * writes to, a device that never ends. (`readFile` does, and stops at 2 GiB, and the optimiser state of a large model does not.)
 */
const readWhole = async (path: string, limit: number, more = 0): Promise<E.Either<StoreError, Uint8Array>> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | more)
  try {
    const found = await file.stat()
    if (!found.isFile()) return E.left({ _tag: 'Corrupt', path, found: kindOf(found), expected: 'a file' })
    if (found.size > limit)
      return E.left({ _tag: 'Corrupt', path, found: `${found.size} bytes`, expected: `at most ${limit}` })
    const bytes = new Uint8Array(found.size)
    let at = 0
    while (at < bytes.length) {
      const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, 2 ** 26), at)
      if (bytesRead === 0) throw new Error(`the file ended at byte ${at} of ${bytes.length}`)
      at += bytesRead
    }
    return E.right(bytes)
  } finally {
    await file.close()
  }
}

/** The bytes of a file. Fails with `Corrupt` where it is another kind of thing, or larger than `limit`, before it is read. */
export const readBytes = (path: string, limit = Infinity): TE.TaskEither<StoreError, Uint8Array> =>
  pipe(
    attempt('read it', path, () => readWhole(path, limit)),
    TE.chainEitherK((read) => read)
  )

/** UTF-8, strictly. */
export const readText = (path: string, limit = longestText): TE.TaskEither<StoreError, string> =>
  pipe(
    readBytes(path, limit),
    TE.chainEitherK((bytes) =>
      E.tryCatch(
        () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
        (): StoreError => ({ _tag: 'Corrupt', path, found: 'bytes that are not UTF-8', expected: 'text in UTF-8' })
      )
    )
  )

/** Names in a directory, sorted. A directory that is not there has none. */
export const namesIn = (path: string): TE.TaskEither<StoreError, ReadonlyArray<string>> =>
  pipe(
    attempt('list it', path, async () => (await readdir(path)).sort()),
    TE.orElse((e) =>
      e._tag === 'FileFailure' && e.code === 'ENOENT' ? TE.right<StoreError, Array<string>>([]) : TE.left(e)
    )
  )

/** Fails where a symbolic link has the name: what is written and removed by that name would be so somewhere else. */
export const expectNoLink = (path: string): TE.TaskEither<StoreError, void> =>
  pipe(
    attempt('look at it', path, () =>
      lstat(path).catch((cause: unknown) => {
        if (codeOf(cause) === 'ENOENT') return undefined
        throw cause
      })
    ),
    TE.chainEitherK((found) =>
      found?.isSymbolicLink() === true
        ? E.left<StoreError>({ _tag: 'Corrupt', path, found: 'a symbolic link', expected: 'a directory of its own' })
        : E.right(undefined)
    )
  )

export const exists = (path: string): TE.TaskEither<never, boolean> =>
  TE.fromTask(() =>
    access(path, constants.F_OK).then(
      () => true,
      () => false
    )
  )

// ------------------------------------------------------------------ writing

/** One directory, durably; nothing where something has the name: what is wanted of it says whether that will do. */
const makeDirectory = async (path: string): Promise<void> => {
  if (await stat(path).catch(() => undefined)) return
  try {
    await mkdir(path)
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return
    throw cause
  }
  await syncDirectory(dirname(path))
}

/** Root first. */
const upTo = (path: string): ReadonlyArray<string> => (dirname(path) === path ? [path] : [...upTo(dirname(path)), path])

/** Node's own `recursive` says ENOENT of a file system that is read-only. */
const ensureDirectory = async (path: string): Promise<void> => {
  for (const each of upTo(resolve(path))) await makeDirectory(each)
}

/** Makes a directory, and those above it that are missing. */
export const makeDirectories = (path: string): TE.TaskEither<StoreError, void> =>
  attempt('make it', path, () => ensureDirectory(path))

const removeIfThere = (path: string): Promise<void> => rm(path, { recursive: true, force: true })

/** Runs `write`; where it fails, what it had begun under the temporary name is removed. */
const writeAside = <A>(path: string, temporary: string, write: () => Promise<A>): TE.TaskEither<StoreError, A> =>
  pipe(
    attempt('write it', path, async () => {
      await removeIfThere(temporary)
      return write()
    }),
    TE.orElse((e) =>
      pipe(
        attempt('remove it', temporary, () => removeIfThere(temporary)),
        // The first failure is the one to report: what could not be removed, `removeLeftovers` removes at the next start.
        TE.orElse(() => TE.right<StoreError, void>(undefined)),
        TE.chain(() => TE.left(e))
      )
    )
  )

/** Not through a link: what is written next to this file would change another one. */
export const notThroughLinks = constants.O_NOFOLLOW ?? 0

const sameBytes = (path: string, bytes: Uint8Array): Promise<boolean> =>
  readWhole(path, bytes.length, notThroughLinks).then(
    (there) => E.isRight(there) && Buffer.compare(there.right, bytes) === 0,
    () => false
  )

/**
 * Puts a file in place of the one that has its name, if any: a reader sees the old one or the new one. One that holds just that is
 * left as it is.
 */
export const writeFileWhole = (path: string, content: Uint8Array | string): TE.TaskEither<StoreError, void> => {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const temporary = temporaryName(dirname(path), basename(path))
  return pipe(
    TE.fromTask<boolean, StoreError>(() => sameBytes(path, bytes)),
    TE.chain((isThere) =>
      isThere
        ? TE.right(undefined)
        : writeAside(path, temporary, async () => {
            await writeSynced(temporary, bytes)
            await rename(temporary, path)
            await syncDirectory(dirname(path))
          })
    )
  )
}

const fill = async (directory: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> => {
  await mkdir(directory)
  for (const [file, bytes] of files) await writeSynced(join(directory, file), bytes)
  await syncDirectory(directory)
}

/**
 * Makes the directory `parent/name` with these files and gives its path. On failure nothing of it remains, and `parent`
 * is as it was. Fails with `AlreadyExists` where something has that name.
 */
export const writeDirectory = (
  parent: string,
  name: string,
  files: ReadonlyMap<string, Uint8Array>
): TE.TaskEither<StoreError, string> => {
  const path = join(parent, name)
  const temporary = temporaryName(parent, name)
  return pipe(
    exists(path),
    TE.chain((there) =>
      there
        ? TE.left<StoreError, string>({ _tag: 'AlreadyExists', path })
        : writeAside(path, temporary, async () => {
            await ensureDirectory(parent)
            await fill(temporary, files)
            await rename(temporary, path)
            await syncDirectory(parent)
            return path
          })
    )
  )
}

const holdsJust = async (path: string, files: ReadonlyMap<string, Uint8Array>): Promise<boolean> => {
  const names = await readdir(path).catch(() => [])
  if (names.length !== files.size) return false
  for (const [name, bytes] of files) if (!(await sameBytes(join(path, name), bytes))) return false
  return true
}

/**
 * Makes the directory `parent/name` with these files, in place of the one that has its name, if any, and gives its path. One that
 * holds just that is left as it is. The other goes only when the new one is whole on disk; a process that ends between the two
 * renamings leaves both, and `removeLeftovers` puts the former back.
 */
export const replaceDirectory = (
  parent: string,
  name: string,
  files: ReadonlyMap<string, Uint8Array>
): TE.TaskEither<StoreError, string> => {
  const path = join(parent, name)
  const [temporary, former] = [temporaryName(parent, name), join(parent, `${formerPrefix}${name}`)]
  return pipe(
    TE.fromTask<boolean, StoreError>(() => holdsJust(path, files)),
    TE.chain((isThere) =>
      isThere
        ? TE.right(path)
        : writeAside(path, temporary, async () => {
            await ensureDirectory(parent)
            await fill(temporary, files)
            await removeIfThere(former)
            await rename(path, former).catch((cause: unknown) => {
              if (codeOf(cause) !== 'ENOENT') throw cause
            })
            await rename(temporary, path)
            await syncDirectory(parent)
            await removeIfThere(former)
            return path
          })
    )
  )
}

/** Removes `parent/name`, under a temporary name first, so that half of it never goes by its own name. */
export const removeDirectory = (parent: string, name: string): TE.TaskEither<StoreError, void> => {
  const path = join(parent, name)
  const temporary = temporaryName(parent, name)
  return attempt('remove it', path, async () => {
    await rename(path, temporary)
    // A loss of power must not keep the name and lose the files.
    await syncDirectory(parent)
    await rm(temporary, { recursive: true })
  })
}

/**
 * Removes what processes that ended left in a directory when they wrote and removed; gives the names. Only for whoever holds the
 * directory's lock: of others that are at work these are no leftovers.
 */
export const removeLeftovers = (parent: string): TE.TaskEither<StoreError, ReadonlyArray<string>> =>
  pipe(
    namesIn(parent),
    TE.map((names) => names.filter((name) => name.startsWith(temporaryPrefix) || name.startsWith(formerPrefix))),
    TE.chainFirst(
      TE.traverseSeqArray((name) =>
        attempt('remove it', join(parent, name), async () => {
          const place = join(parent, name.slice(formerPrefix.length))
          const isMissed = name.startsWith(formerPrefix) && !(await stat(place).catch(() => undefined))
          if (isMissed) await rename(join(parent, name), place)
          else await removeIfThere(join(parent, name))
        })
      )
    )
  )
