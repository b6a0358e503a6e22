/**
 * What a loss of power could take: contents that were written and not synced, and names that were made or moved and whose
 * directory was not synced.
 *
 * Node's functions are replaced while the work goes on.
 */

import { dirname, join, relative, resolve, sep } from 'node:path'
import type * as fsPromises from 'node:fs/promises'

/** Paths of unsynced contents, and of names that the disk may not know (or may still know, where they went). */
type Losable = { readonly contents: Set<string>; readonly names: Set<string> }

let watching: { readonly losable: Losable; readonly broken: Array<string> } | undefined

const isIn = (path: string, directory: string): boolean => path === directory || path.startsWith(directory + sep)

const write = (path: string): void => void watching?.losable.contents.add(path)

const name = (path: string): void => void watching?.losable.names.add(path)

const sync = (path: string): void => {
  watching?.losable.contents.delete(path)
  for (const each of watching?.losable.names ?? []) if (dirname(each) === path) watching?.losable.names.delete(each)
}

/** Names that begin with a dot are cleared at the next start, whatever is in them. */
const isOwnName = (path: string): boolean => !path.split(sep).some((part) => part.startsWith('.pure-electra-'))

const move = (from: string, to: string): void => {
  if (watching === undefined) return
  const { losable, broken } = watching
  const lost = [...losable.contents, ...losable.names].filter((path) => path !== from && isIn(path, from))
  if (isOwnName(to)) broken.push(...lost.map((path) => `${to} has its name before ${relative(from, path)} is on disk`))
  if (isOwnName(to) && losable.contents.has(from)) broken.push(`${to} has its name before its content is on disk`)
  for (const set of [losable.contents, losable.names])
    for (const path of [...set])
      if (isIn(path, from)) {
        set.delete(path)
        if (path !== from) set.add(join(to, relative(from, path)))
      }
  name(from)
  name(to)
}

/** A file that goes must not be missed under a name that the disk may still know its directory by. */
const remove = (path: string): void => {
  if (watching === undefined) return
  const { losable, broken } = watching
  if (!isOwnName(path) && [...losable.names].some((each) => isIn(path, each)))
    broken.push(`${path} is removed before the disk knows it by that name`)
  for (const set of [losable.contents, losable.names])
    for (const each of [...set]) if (isIn(each, path)) set.delete(each)
}

/** The module as it is, watched. For `vi.mock('node:fs/promises', ...)`. */
export const watchedFs = async (original: () => Promise<unknown>): Promise<typeof fsPromises> => {
  const real = (await original()) as typeof fsPromises
  const open: typeof real.open = async (path, flags, mode) => {
    const at = resolve(String(path))
    const file = await real.open(path, flags, mode)
    if (flags === 'wx') {
      name(at)
      write(at)
    }
    const [writeFile, synced] = [file.writeFile.bind(file), file.sync.bind(file)]
    file.writeFile = async (...given) => {
      await writeFile(...given)
      write(at)
    }
    file.sync = async () => {
      await synced()
      sync(at)
    }
    return file
  }
  const changed = {
    open,
    mkdir: async (path: string) => {
      await real.mkdir(path)
      name(resolve(path))
    },
    rename: async (from: string, to: string) => {
      await real.rename(from, to)
      move(resolve(from), resolve(to))
    },
    rm: async (path: string, options: Parameters<typeof real.rm>[1]) => {
      const isThere = await real.stat(path).then(
        () => true,
        () => false
      )
      if (isThere) remove(resolve(path))
      await real.rm(path, options)
    },
    appendFile: async (path: string, data: string, options: Parameters<typeof real.appendFile>[2]) => {
      await real.appendFile(path, data, options)
      write(resolve(path))
    }
  } as Partial<typeof real>
  return { ...real, ...changed }
}

/** What a loss of power right after the work could take from below `root`, and what one on the way could have broken. */
export const afterPowerLoss = async (root: string, work: () => Promise<unknown>): Promise<ReadonlyArray<string>> => {
  const losable: Losable = { contents: new Set(), names: new Set() }
  const broken: Array<string> = []
  watching = { losable, broken }
  try {
    await work()
  } finally {
    watching = undefined
  }
  const lost = [...losable.contents, ...losable.names].filter((path) => isIn(path, resolve(root)) && isOwnName(path))
  return [...broken, ...lost.map((path) => `${path} is not on disk`)].map((line) =>
    line.replaceAll(`${resolve(root)}${sep}`, '')
  )
}
