/**
 * Whole files and whole directories: read completely, written completely or not at all.
 *
 * A directory is filled under a temporary name beside its place, synced to disk, and renamed: whoever looks sees all of
 * it or nothing, after a crash and on a full disk too.
 */

import { constants } from 'node:fs'
import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../tensor/reason.js'
import type { StoreError } from './errors.js'

const failure =
  (operation: string, path: string) =>
  (cause: unknown): StoreError => ({
    _tag: 'FileFailure',
    operation,
    path,
    code: cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown',
    reason: reasonOf(cause)
  })

/** Runs a file operation; what it throws becomes a `FileFailure` that names the path. */
export const attempt = <A>(operation: string, path: string, run: () => Promise<A>): TE.TaskEither<StoreError, A> =>
  TE.tryCatch(run, failure(operation, path))

const temporaryPrefix = '.pure-electra-tmp-'

const temporaryName = (parent: string, name: string): string => join(parent, `${temporaryPrefix}${name}-${process.pid}`)

/** `readFile` stops at 2 GiB, and the optimiser state of a large model does not. */
const readWhole = async (path: string): Promise<Uint8Array> => {
  const file = await open(path, 'r')
  try {
    const bytes = new Uint8Array((await file.stat()).size)
    let at = 0
    while (at < bytes.length) {
      const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, 2 ** 26), at)
      if (bytesRead === 0) throw new Error(`the file ended at byte ${at} of ${bytes.length}`)
      at += bytesRead
    }
    return bytes
  } finally {
    await file.close()
  }
}

export const readBytes = (path: string): TE.TaskEither<StoreError, Uint8Array> =>
  attempt('read it', path, () => readWhole(path))

/** UTF-8, strictly. */
export const readText = (path: string): TE.TaskEither<StoreError, string> =>
  pipe(
    readBytes(path),
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

export const exists = (path: string): TE.TaskEither<never, boolean> =>
  TE.fromTask(() =>
    access(path, constants.F_OK).then(
      () => true,
      () => false
    )
  )

const writeSynced = async (path: string, bytes: Uint8Array): Promise<void> => {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the names within a directory durable. Windows keeps them so by itself and cannot open directories. */
const syncDirectory = async (path: string): Promise<void> => {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
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
  const write = async (): Promise<string> => {
    await rm(temporary, { recursive: true, force: true })
    await mkdir(temporary, { recursive: true })
    for (const [file, bytes] of files) await writeSynced(join(temporary, file), bytes)
    await syncDirectory(temporary)
    await rename(temporary, path)
    await syncDirectory(parent)
    return path
  }
  return pipe(
    exists(path),
    TE.chain((there) =>
      there ? TE.left<StoreError, string>({ _tag: 'AlreadyExists', path }) : attempt('write it', path, write)
    ),
    TE.orElse((e) =>
      pipe(
        attempt('remove it', temporary, () => rm(temporary, { recursive: true, force: true })),
        // The first failure is the one to report: what could not be removed, `removeLeftovers` removes at the next start.
        TE.orElse(() => TE.right<StoreError, void>(undefined)),
        TE.chain(() => TE.left(e))
      )
    )
  )
}

/** Removes `parent/name`, under a temporary name first, so that half of it never goes by its own name. */
export const removeDirectory = (parent: string, name: string): TE.TaskEither<StoreError, void> => {
  const path = join(parent, name)
  const temporary = temporaryName(parent, name)
  return attempt('remove it', path, async () => {
    await rename(path, temporary)
    await rm(temporary, { recursive: true })
  })
}

/** Removes what interrupted writes and removals left in a directory; gives the names. Call before the first write. */
export const removeLeftovers = (parent: string): TE.TaskEither<StoreError, ReadonlyArray<string>> =>
  pipe(
    namesIn(parent),
    TE.map((names) => names.filter((name) => name.startsWith(temporaryPrefix))),
    TE.chainFirst(
      TE.traverseSeqArray((name) =>
        attempt('remove it', join(parent, name), () => rm(join(parent, name), { recursive: true, force: true }))
      )
    )
  )
