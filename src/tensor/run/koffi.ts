/**
 * Shared libraries of the system, called through the optional package `koffi`: imported when one is first asked for, and in
 * Node only.
 */

import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type * as koffiModule from 'koffi'
import { reasonOf } from '../reason.js'

export type Koffi = typeof koffiModule

export type LibraryHandle = koffiModule.LibraryHandle

export const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined

/** Bundlers are kept from following it: browsers never load it. */
const nodePackage: string = 'koffi'

/** Fails with the reason, and with what to do about it. */
export const importKoffi: TE.TaskEither<string, Koffi> = isNode
  ? TE.tryCatch(
      async () => (await import(/* webpackIgnore: true */ /* @vite-ignore */ nodePackage)) as Koffi,
      (thrown) => `the optional package \`koffi\` does not load (npm install koffi installs it): ${reasonOf(thrown)}`
    )
  : TE.left('libraries of the system can be called from Node only')

/** Whether a library has a function of that name. */
export const offers = (library: LibraryHandle, name: string): boolean =>
  E.isRight(E.tryCatch(() => library.func(name, 'void', []), reasonOf))

/**
 * The first of `names`, paths or sonames, that `bind` makes something of. Fails with the reason for each, such as
 * `tried libmpi.so.40 (no such file)`.
 */
export const firstOf = <A>(
  names: ReadonlyArray<string>,
  bind: (path: string) => E.Either<string, A>
): E.Either<string, A> => {
  const failures: Array<string> = []
  for (const name of names) {
    const bound = E.flatten(E.tryCatch(() => bind(name), reasonOf))
    if (E.isRight(bound)) return bound
    failures.push(`${name} (${bound.left})`)
  }
  return E.left(failures.length === 0 ? `none is known for ${process.platform}` : `tried ${failures.join(', ')}`)
}
