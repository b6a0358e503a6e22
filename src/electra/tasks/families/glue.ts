/**
 * The tasks of GLUE: its files as GLUE publishes them, with whatever splits of theirs are there.
 */

import { basename, join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { exists } from '../../store/files/files.js'
import type { TaskDataError } from '../data/data-error.js'
import { readTable } from '../data/table.js'
import { doubled, glueTable, glueTasks, type GlueFile, type GlueTask } from '../glue.js'
import type { Apply, Task } from '../task.js'
import { sourceOf, type Source } from './sentence-rows.js'
import { improvingOf, type Kind } from './sentence-scores.js'
import { applied, prepared, saysOf, specOf, type SentenceTag } from './sentence.js'

/** Malformed rows are left out, as in the published code, and counted. */
const rules = { skipMalformed: true }

/** Splits that are read only by name, since another one stands for them. */
const alternatives = ['in_domain_dev']

/** What could have been meant, where dev is not there. */
const suggestOther =
  (directory: string, { files }: GlueTask) =>
  (e: TaskDataError): TE.TaskEither<TaskDataError, Source> =>
    pipe(
      alternatives.filter((name) => name in files),
      TE.traverseArray((name) =>
        pipe(
          exists(join(directory, files[name].file)),
          TE.map((there) => (there ? [name] : []))
        )
      ),
      TE.chainW((names) => {
        const [name] = names.flat()
        return TE.left<TaskDataError, Source>(
          e._tag === 'UnreadableData' && name !== undefined
            ? { ...e, reason: `${e.reason}. There is ${files[name].file}: to take that, say --dev ${name}` }
            : e
        )
      })
    )

const readGlue =
  (task: GlueTask, directory: string) =>
  (name: string): TE.TaskEither<TaskDataError, Source> => {
    const file = task.files[name]
    return pipe(
      readTable(glueTable(task, file), rules)(join(directory, file.file)),
      TE.map(sourceOf(file.submission ?? file.file))
    )
  }

const kindOf = ({ labels }: GlueTask): Kind => {
  switch (labels._tag) {
    case 'classes':
      return labels
    case 'scores':
      return { _tag: 'scores', range: { min: labels.least, max: labels.most } }
  }
}

const glueSources = (task: GlueTask, directory: string, dev: string) => {
  const read = readGlue(task, directory)
  const others = Object.keys(task.files).filter((name) => !['train', 'dev', ...alternatives].includes(name))
  return pipe(
    TE.Do,
    TE.bind('train', () => read('train')),
    TE.bind('dev', () => pipe(read(dev), TE.orElse(suggestOther(directory, task)))),
    TE.bind('rest', () =>
      pipe(
        others,
        TE.traverseSeqArray((name) =>
          pipe(
            TE.fromTask<boolean, TaskDataError>(TE.toUnion(exists(join(directory, task.files[name].file)))),
            TE.chain((there) =>
              there
                ? pipe(
                    read(name),
                    TE.map((source) => [[name, source] as const])
                  )
                : TE.right([])
            )
          )
        )
      )
    ),
    TE.map(({ train, dev: held, rest }) => ({
      ...Object.fromEntries(rest.flat()),
      train: task.doubled ? { ...train, examples: doubled(train.examples) } : train,
      dev: held
    }))
  )
}

/** The splits that may stand for dev. */
const devsOf = ({ files }: GlueTask): ReadonlyArray<string> =>
  Object.keys(files).filter((name) => name === 'dev' || alternatives.includes(name))

/** The file of the task that has this name, also compressed; of another name, one as its test sets are. */
const fileCalled = ({ files }: GlueTask, path: string): GlueFile => {
  const name = basename(path).replace(/\.gz$/, '')
  return Object.values(files).find(({ file }) => file === name) ?? files.test
}

const applyGlue =
  (task: GlueTask): Apply<SentenceTag> =>
  (says) =>
  (path, settings) => {
    const file = fileCalled(task, path)
    return pipe(
      readTable(glueTable(task, file), rules)(path),
      TE.map(sourceOf(file.submission ?? file.file)),
      TE.chainW(applied(specOf(says, task.metrics), settings))
    )
  }

const glueTask = ([name, task]: readonly [string, GlueTask]): Task<SentenceTag> => ({
  name,
  about: `GLUE's ${task.title} (${task.metrics.join(', ')})`,
  defaults: { epochs: task.epochs, sequenceLength: 128 },
  metrics: improvingOf(task.metrics),
  says: saysOf(kindOf(task))._tag,
  apply: applyGlue(task),
  prepare: (directory, settings) => {
    const { dev = 'dev' } = settings
    if (!devsOf(task).includes(dev))
      return TE.left({
        _tag: 'UnreadableData',
        path: directory,
        reason: `found '${dev}' in place of dev, expected one of ${devsOf(task).join(', ')}`
      })
    return pipe(
      glueSources(task, directory, dev),
      TE.chainW((sources) =>
        prepared({ kind: kindOf(task), labels: task.labels, metrics: task.metrics }, sources, settings)
      )
    )
  }
})

/** All nine. */
export const glueSentenceTasks: ReadonlyArray<Task<SentenceTag>> = Object.entries(glueTasks).map(glueTask)
