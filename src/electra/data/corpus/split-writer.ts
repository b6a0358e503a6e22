/**
 * Writing one split of a corpus as its sentences arrive: ids are streamed, their ends follow when the last is known.
 */

import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { unwritable, type CorpusError } from '../corpus-error.js'
import type { Manifest } from './manifest.js'
import { encodeTail, type Counts } from '../sentences.js'

export type SplitWriter = {
  /** Adds a sentence; one without ids is no sentence. */
  readonly append: (document: number, ids: ReadonlyArray<number>) => void
  /** Writes what was added since the last flush. */
  readonly flush: TaskEither<CorpusError, void>
  /** Writes the rest, syncs, and gives the facts of the manifest. */
  readonly finish: TaskEither<CorpusError, Manifest['train']>
}

/** Opens a split at `path`, hands it to `use` and closes it. `shown` names the corpus in errors. */
export const withSplitWriter = <A>(
  path: string,
  shown: string,
  width: 2 | 4,
  use: (writer: SplitWriter) => TaskEither<CorpusError, A>
): TaskEither<CorpusError, A> =>
  TE.bracket(
    TE.tryCatch(
      () => open(path, 'w'),
      (error) => unwritable(shown, error)
    ),
    (file) => use(splitWriter(file, shown, width)),
    (file) =>
      TE.tryCatch(
        () => file.close(),
        (error) => unwritable(shown, error)
      )
  )

const splitWriter = (file: FileHandle, shown: string, width: 2 | 4): SplitWriter => {
  const hash = createHash('sha256')
  const sentenceEnds: Array<number> = []
  const documentEnds: Array<number> = []
  let waiting: Array<number> = []
  let tokens = 0
  let last: number | undefined

  const write = (bytes: Uint8Array): TaskEither<CorpusError, void> =>
    TE.tryCatch(
      async () => {
        hash.update(bytes)
        // `writeFile` on a handle goes on from its position until every byte is written.
        await file.writeFile(bytes)
      },
      (error) => unwritable(shown, error)
    )

  return {
    append: (document, ids) => {
      if (ids.length === 0) return
      if (last !== undefined && last !== document) documentEnds.push(sentenceEnds.length)
      last = document
      for (const id of ids) waiting.push(id)
      tokens += ids.length
      sentenceEnds.push(tokens)
    },
    flush: () => {
      const ids = width === 2 ? Uint16Array.from(waiting) : Uint32Array.from(waiting)
      waiting = []
      return write(new Uint8Array(ids.buffer))()
    },
    finish: () => {
      if (last !== undefined) documentEnds.push(sentenceEnds.length)
      const counts: Counts = { documents: documentEnds.length, sentences: sentenceEnds.length, tokens }
      return pipe(
        write(encodeTail(tokens, width, Uint32Array.from(sentenceEnds), Uint32Array.from(documentEnds))),
        TE.chain(() =>
          TE.tryCatch(
            () => file.sync(),
            (error) => unwritable(shown, error)
          )
        ),
        TE.map(() => ({ ...counts, sha256: hash.digest('hex') }))
      )()
    }
  }
}
