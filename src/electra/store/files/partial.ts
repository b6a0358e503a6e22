/**
 * A directory that is filled beside its place: `.NAME.partial-UUID` until it is whole.
 *
 * It has a lock while its process lives, so the next one that makes the same directory knows which of them are left behind. Signals
 * that end the process take it away before; after a kill, the next one does.
 */

import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { lstat, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { endingSignals } from '../../ending-signals.js'
import type { StoreError } from '../errors.js'
import { syncDirectory } from './durable.js'
import { attempt, makeDirectories, namesIn } from './files.js'
import { lockDirectory, lockName, type Lock } from './lock.js'

export type Partial = {
  readonly path: string
  /** Gives it its own name, durably, when it is whole. Fails with `AlreadyExists` where something has that name. */
  readonly complete: TE.TaskEither<StoreError, void>
  /** Removes what is there under the temporary name. */
  readonly release: TE.TaskEither<StoreError, void>
}

const prefixOf = (out: string): string => `.${basename(resolve(out))}.partial-`

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Whether a directory of this name is one that was filled for `out`. */
const isPartialOf =
  (out: string) =>
  (name: string): boolean =>
    name.startsWith(prefixOf(out)) && uuid.test(name.slice(prefixOf(out).length))

/** Removes the directory when a signal ends the process, which then ends by it; gives the way to call that off. */
const removedBySignals =
  (path: string): IO<() => void> =>
  () => {
    const onSignal = (signal: NodeJS.Signals): void => {
      // Writes that are under way may bring a file in meanwhile.
      E.tryCatch(() => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }), E.toError)
      callOff()
      process.kill(process.pid, signal)
    }
    const callOff = (): void => endingSignals.forEach((signal) => void process.off(signal, onSignal))
    endingSignals.forEach((signal) => process.on(signal, onSignal))
    return callOff
  }

/** Those of processes that have ended. One that cannot be judged or removed stays: it is in nobody's way. */
const removeLeft = (out: string): TE.TaskEither<StoreError, void> => {
  const parent = dirname(resolve(out))
  const removeOne = async (path: string): Promise<void> => {
    // A link of that name is none of ours, and leads elsewhere.
    if (!(await lstat(path)).isDirectory()) return
    const locked = await lockDirectory(path)()
    if (E.isLeft(locked)) return
    if (locked.right.unguarded === undefined) await rm(path, { recursive: true, force: true }).catch(() => undefined)
    await locked.right.release()
  }
  return pipe(
    namesIn(parent),
    TE.map((names) => names.filter(isPartialOf(out))),
    TE.chainTaskK((names) => async () => {
      for (const name of names) await removeOne(join(parent, name)).catch(() => undefined)
    })
  )
}

/** What a renaming says where its place is taken. */
const takenCodes = ['EEXIST', 'ENOTEMPTY', 'ENOTDIR']

const partialOf =
  (path: string, out: string, callOff: IO<void>) =>
  (lock: Lock): Partial => ({
    path,
    complete: pipe(
      attempt('write it', out, async () => {
        await syncDirectory(path)
        await rename(path, out)
        // What is in it for this process only.
        await rm(join(out, lockName), { force: true })
        await syncDirectory(dirname(resolve(out)))
      }),
      TE.mapLeft((e) =>
        e._tag === 'FileFailure' && takenCodes.includes(e.code) ? { _tag: 'AlreadyExists', path: out } : e
      )
    ),
    release: pipe(
      attempt('remove it', path, () => rm(path, { recursive: true, force: true })),
      (removal) => () =>
        removal().finally(() => {
          callOff()
          return lock.release()
        })
    )
  })

/** Removes what processes that have ended left where `out` was to be, and makes a directory to fill in its place. */
export const acquirePartial = (out: string): TE.TaskEither<StoreError, Partial> => {
  const parent = dirname(resolve(out))
  const path = join(parent, `${prefixOf(out)}${randomUUID()}`)
  return pipe(
    makeDirectories(parent),
    TE.chain(() => removeLeft(out)),
    TE.chain(() => {
      const callOff = removedBySignals(path)()
      return pipe(
        // At once: no signal is heard before it is there, or missed after.
        attempt('make it', path, () => Promise.resolve(mkdirSync(path))),
        TE.chain(() => lockDirectory(path)),
        TE.bimap(
          (e) => {
            callOff()
            return e
          },
          partialOf(path, out, callOff)
        )
      )
    })
  )
}
