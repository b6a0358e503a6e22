/**
 * A lock on a directory: the right to write to it, which one process has at a time.
 *
 * It is an advisory lock of the operating system on a byte of the file `.lock`, so it ends with the process, however that ends:
 * nothing is left to expire or to be judged stale. Linux carries such locks to the server of NFS, and to those of other
 * shared file systems that support them; where one does not, the lock says so and guards nothing.
 */

import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { open, rmdir, stat, unlink, type FileHandle } from 'node:fs/promises'
import { constants } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../../tensor/reason.js'
import type { StoreError } from '../errors.js'
import { attempt, exists, makeDirectories, notThroughLinks } from './files.js'

export type Lock = {
  /** Fails with `Gone` where the directory is no longer the one that was locked: moved, removed, or another in its place. */
  readonly check: TE.TaskEither<StoreError, void>
  /** Why other processes are not kept out, where they are not. */
  readonly unguarded: string | undefined
  readonly release: Task<void>
}

export const lockName = '.lock'

/** Beyond the text in the file: Windows lets nobody read what is locked. */
const lockedByte = 2 ** 30

type Native = { readonly tryLock: (fd: number, offset: number, length: number) => boolean }

/** `undefined` where the lock is held elsewhere; otherwise why it guards nothing, or that it does. */
export const tryLock = (file: FileHandle): { readonly unguarded: string | undefined } | undefined => {
  const locked = E.tryCatch(() => {
    // Loaded where it is wanted: it has no build for some platforms.
    const native = createRequire(import.meta.url)('fs-native-extensions') as Native
    return native.tryLock(file.fd, lockedByte, 1)
  }, reasonOf)
  if (E.isLeft(locked)) return { unguarded: locked.left }
  return locked.right ? { unguarded: undefined } : undefined
}

/** Whether the file that has the name is the open one. */
const isStill = async (path: string, file: FileHandle): Promise<boolean> => {
  const mine = await file.stat({ bigint: true })
  const there = await stat(path, { bigint: true }).catch(() => undefined)
  return there !== undefined && there.ino === mine.ino && there.dev === mine.dev
}

/** A courtesy: where the disk is full the lock holds without it. */
const writeHolder =
  (file: FileHandle): Task<void> =>
  async () => {
    const text = Buffer.from(
      `process ${process.pid} on ${hostname()}, since ${new Date().toISOString().slice(0, 19)}Z\n`
    )
    await file
      .write(text, 0, text.length, 0)
      .then(() => file.truncate(text.length))
      .catch(() => undefined)
  }

/** Long enough for any holder, and all that is believed of what stands there. */
const longestHolder = 500

const readHolder = async (file: FileHandle): Promise<string> => {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(longestHolder), 0, longestHolder, 0)
  const [line] = buffer.subarray(0, bytesRead).toString('utf8').split('\n')
  return /^process \d+ on [^\p{C}]+$/u.test(line) ? line : 'another process'
}

/** Whether the file is a lock of ours, or nothing yet: another program's must not be written over, or removed. */
const isLock = async (file: FileHandle): Promise<boolean> => {
  const found = await file.stat()
  if (!found.isFile() || found.size > longestHolder) return false
  const { bytesRead, buffer } = await file.read(Buffer.alloc(longestHolder), 0, longestHolder, 0)
  return /^(process \d+ on |\0*$)/.test(buffer.toString('utf8', 0, bytesRead))
}

type Opened = { readonly file: FileHandle; readonly unguarded: string | undefined }

/** The file, open and locked; or why not. */
const openLocked = async (directory: string): Promise<E.Either<StoreError, Opened>> => {
  const path = join(directory, lockName)
  for (;;) {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | notThroughLinks)
    if (!(await isLock(file))) {
      await file.close()
      return E.left({
        _tag: 'Corrupt',
        path,
        found: "another program's file",
        expected: 'none of that name, or a lock'
      })
    }
    const locked = tryLock(file)
    if (locked === undefined) {
      const holder = await readHolder(file)
      await file.close()
      return E.left({ _tag: 'InUse', path: directory, holder })
    }
    // Whoever had it before may have removed the file between the opening and the locking.
    if (await isStill(path, file)) return E.right({ file, ...locked })
    await file.close()
  }
}

const lockOf = (directory: string, path: string, isNew: boolean, { file, unguarded }: Opened): Lock => ({
  unguarded,
  check: pipe(
    attempt('look at it', directory, () => isStill(path, file)),
    TE.filterOrElse(
      (isOurs) => isOurs,
      (): StoreError => ({ _tag: 'Gone', path: directory })
    ),
    TE.map(() => undefined)
  ),
  release: async () => {
    // Removed while it is held, so that nobody's lock is on a file without a name for longer than it takes to notice.
    if (await isStill(path, file)) await unlink(path).catch(() => undefined)
    await file.close().catch(() => undefined)
    // It stays where anything has been written to it.
    if (isNew) await rmdir(directory).catch(() => undefined)
  }
})

/**
 * Takes the lock of a directory, which is made where it is missing (and goes again with the lock where nothing came into it). Fails
 * at once, with `InUse`, where another process has it; it names that process.
 */
export const lockDirectory = (directory: string): TE.TaskEither<StoreError, Lock> => {
  const path = join(directory, lockName)
  return pipe(
    TE.fromTask<boolean, StoreError>(TE.toUnion(exists(directory))),
    TE.chainFirst(() => makeDirectories(directory)),
    TE.chain((wasThere) =>
      pipe(
        attempt('lock it', directory, () => openLocked(directory)),
        TE.chainEitherK((opened) => opened),
        TE.chainFirstTaskK(({ file }) => writeHolder(file)),
        TE.map((opened) => lockOf(directory, path, !wasThere, opened))
      )
    )
  )
}
