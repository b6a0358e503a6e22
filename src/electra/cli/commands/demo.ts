/** `pure-electra demo`: from the shipped text to a trained model, with nothing to decide. */

import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showStoreError } from '../../store/errors.js'
import { exists, namesIn } from '../../store/files/files.js'
import type { Console } from '../console.js'
import { failedWith, type Command, type Failure } from '../outcome.js'
import { buildWithProgress } from './corpus.js'
import { pretrain } from './pretrain.js'

export type DemoOptions = { readonly out: string; readonly workers?: number; readonly seed: number }

/** Pieces of the demo's vocabulary: few, so that each is seen often in a short run. */
const vocabularySize = 2000

/** The text that the package carries. */
const sample = fileURLToPath(new URL('../../../../data/sample', import.meta.url))

/** The first `out/run-N` that is not finished: an interrupted demo goes on, a finished one starts anew beside it. */
const runDirectory = (out: string): string => {
  for (let n = 1; ; n++) {
    const directory = join(out, `run-${n}`)
    if (!existsSync(join(directory, 'report.json'))) return directory
  }
}

const buildCorpusOfSample = (out: string, console: Console): TE.TaskEither<Failure, undefined> =>
  pipe(
    buildWithProgress(
      {
        input: [sample],
        out,
        vocabSize: vocabularySize,
        cased: false,
        keepAccents: false,
        blankLinesKeepDocuments: false
      },
      console
    ),
    TE.map(() => undefined)
  )

export const demo = ({ out, workers, seed }: DemoOptions, console: Console): Command => {
  const corpus = join(out, 'corpus')
  const directory = runDirectory(out)
  const isStarted = pipe(
    namesIn(join(directory, 'checkpoints')),
    TE.map((names) => names.some((name) => name.startsWith('checkpoint-'))),
    TE.mapLeft(failedWith(showStoreError))
  )
  return pipe(
    TE.fromTask<boolean, Failure>(TE.toUnion(exists(corpus))),
    TE.chain((there) => (there ? TE.right(undefined) : buildCorpusOfSample(corpus, console))),
    TE.chain(() => isStarted),
    TE.chain((resume) =>
      pretrain(
        {
          config: 'demo',
          corpus,
          out: directory,
          seed,
          workers: workers ?? Math.min(2, availableParallelism()),
          resume
        },
        console
      )
    )
  )
}
