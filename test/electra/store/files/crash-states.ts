/**
 * What a crash can leave: the files under a directory before each call that changes one, and after half of each write.
 *
 * Node's functions are replaced while the work goes on. Every state is a copy in memory.
 */

import type * as fsPromises from 'node:fs/promises'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Contents by path below the directory; `null` for a directory. */
export type State = ReadonlyMap<string, Buffer | null>

const stateOf = (root: string): State =>
  new Map(
    readdirSync(root, { recursive: true, withFileTypes: true }).map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [relative(root, path), entry.isDirectory() ? null : readFileSync(path)]
    })
  )

/** Puts a state where the directory is. */
export const restore = (root: string, state: State): void => {
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root)
  for (const path of [...state.keys()].sort()) {
    const content = state.get(path)
    if (content === null || content === undefined) mkdirSync(join(root, path))
    else writeFileSync(join(root, path), content)
  }
}

type Changed = { states: Array<State>; root: string } | undefined

let watching: Changed

const see = (): void => {
  if (watching !== undefined && statSync(watching.root, { throwIfNoEntry: false }) !== undefined)
    watching.states.push(stateOf(watching.root))
}

/** The module as it is, with every call that changes a file seen. For `vi.mock('node:fs/promises', ...)`. */
export const watchedFs = async (original: () => Promise<unknown>): Promise<typeof fsPromises> => {
  const real = (await original()) as typeof fsPromises
  const seen =
    <A extends ReadonlyArray<unknown>, B>(call: (...args: A) => Promise<B>) =>
    async (...args: A): Promise<B> => {
      see()
      return call(...args)
    }
  const open: typeof real.open = async (path, flags, mode) => {
    see()
    const file = await real.open(path, flags, mode)
    const write = file.writeFile.bind(file)
    file.writeFile = async (data, options) => {
      if (data instanceof Uint8Array && data.length > 1) {
        await write(data.subarray(0, data.length >> 1), options)
        see()
        await write(data.subarray(data.length >> 1), options)
      } else await write(data, options)
      see()
    }
    return file
  }
  // rm removes one file after the other: some of them are gone where it ends on the way.
  const rm: typeof real.rm = async (path, options) => {
    see()
    const names = await real.readdir(path).catch(() => [])
    for (const name of names) {
      await real.rm(join(String(path), name), options)
      see()
    }
    return real.rm(path, options)
  }
  const changed = {
    open,
    rm,
    mkdir: seen(real.mkdir as (...args: ReadonlyArray<unknown>) => Promise<string | undefined>),
    rename: seen(real.rename),
    rmdir: seen(real.rmdir),
    unlink: seen(real.unlink),
    appendFile: seen(real.appendFile),
    writeFile: seen(real.writeFile)
  } as Partial<typeof real>
  return { ...real, ...changed }
}

/** Every state that a crash during the work can leave, the last one included. */
export const statesDuring = async (root: string, work: () => Promise<unknown>): Promise<ReadonlyArray<State>> => {
  const states: Array<State> = []
  watching = { states, root }
  try {
    await work()
    see()
  } finally {
    watching = undefined
  }
  return states
}
