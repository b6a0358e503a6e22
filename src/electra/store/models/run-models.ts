/** The model directories that a finished run leaves in `model/`. */

import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { StoreError } from '../errors.js'
import { exists, namesIn } from '../files/files.js'

/** Models that others learn from come behind those that are learnt for their own sake. */
const generator = 'generator'

/**
 * The directories of the networks that a run left, its main one first; none where the path is no finished run. Fails where the
 * path is a run that has left none.
 */
export const modelsOfRun = (run: string): TE.TaskEither<StoreError, ReadonlyArray<string>> =>
  pipe(
    namesIn(join(run, 'model')),
    TE.map((names) => [...names.filter((name) => name !== generator), ...names.filter((name) => name === generator)]),
    TE.chainW(
      TE.traverseSeqArray((name) =>
        pipe(
          exists(join(run, 'model', name, 'config.json')),
          TE.map((there) => (there ? [join(run, 'model', name)] : []))
        )
      )
    ),
    TE.map((found) => found.flat()),
    TE.bindTo('found'),
    TE.bindW('isRun', () => exists(join(run, 'checkpoints'))),
    TE.filterOrElse(
      ({ found, isRun }) => !isRun || found.length > 0,
      (): StoreError => ({
        _tag: 'Corrupt',
        path: run,
        found: 'a run that is not finished',
        expected: 'a finished run (continue it with --resume), or a model directory'
      })
    ),
    TE.map(({ found }) => found)
  )
