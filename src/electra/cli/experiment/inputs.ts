/** What decides an experiment's numbers and is not in its declaration: kept where it is begun, so that no other is gone on with. */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as z from 'zod'
import { parseJson } from '../../../tensor/strict-json.js'
import { corpusFiles } from '../../data/corpus/corpus.js'
import type { Declaration } from '../../experiment/declaration.js'
import { sha256OfConfig, sha256OfText } from '../../store/digest.js'
import { exists, readText } from '../../store/files/files.js'
import { failed, wrongUsage, type Failure } from '../outcome.js'
import type { Execution } from './job-arguments.js'
import { fileOptions, type Resolved } from './resolve.js'

const inputs = z.strictObject({
  execution: z.strictObject({
    device: z.string().optional(),
    matmul: z.string().optional(),
    adapter: z.int().optional()
  }),
  /** sha256 of the configuration of each arm. */
  configurations: z.record(z.string(), z.string()),
  /** sha256 of its manifest; the text of this package has none before it is begun. */
  corpus: z.string().optional()
})

export type Inputs = z.infer<typeof inputs>

const longestManifest = 2 ** 24

const corpusOf = ({ corpus }: Declaration): TE.TaskEither<Failure, string> =>
  pipe(
    readText(join(corpus, corpusFiles.manifest), longestManifest),
    TE.bimap(
      () => wrongUsage(`--corpus: found no corpus at ${corpus}, expected one that \`corpus build\` has made`),
      sha256OfText
    )
  )

/** The files of tasks that are to be there, by where they are declared. */
const filesOf = ({ tasks }: Declaration): ReadonlyArray<readonly [string, string]> =>
  Object.entries(tasks).flatMap(([name, task]) => [
    ...(task.data === undefined ? [] : [[`tasks.${name}.data`, task.data] as const]),
    ...fileOptions(task).map(([option, path]) => [`tasks.${name}.options.${option}`, path] as const)
  ])

const expectFiles = ({ declaration, samples }: Resolved): TE.TaskEither<Failure, unknown> =>
  pipe(
    filesOf(declaration).filter(([, path]) => !samples.includes(path)),
    TE.traverseSeqArray(([where, path]) =>
      pipe(
        TE.fromTask<boolean, Failure>(TE.toUnion(exists(path))),
        TE.filterOrElse(
          (isThere) => isThere,
          () => wrongUsage(`${where}: found nothing at ${path}, expected the task's files; --data says where they are`)
        )
      )
    )
  )

/** Those of now; fails where the corpus or a task's files are missing. */
export const inputsOf = (its: Resolved, { device, matmul, adapter }: Execution): TE.TaskEither<Failure, Inputs> =>
  pipe(
    expectFiles(its),
    TE.chain(() => (its.samples.includes(its.declaration.corpus) ? TE.right(undefined) : corpusOf(its.declaration))),
    TE.map((corpus) => ({
      execution: {
        ...(device === undefined ? {} : { device }),
        ...(matmul === undefined ? {} : { matmul }),
        ...(adapter === undefined ? {} : { adapter })
      },
      configurations: Object.fromEntries([...its.configurations].map(([id, config]) => [id, sha256OfConfig(config)])),
      ...(corpus === undefined ? {} : { corpus })
    }))
  )

const deepest = 8

export const parseInputs = (text: string): E.Either<string, Inputs> =>
  pipe(
    parseJson(deepest)(text),
    E.mapLeft(() => 'not JSON'),
    E.chain((json) => {
      const parsed = inputs.safeParse(json)
      return parsed.success ? E.right(parsed.data) : E.left(parsed.error.issues[0].path.join('.'))
    })
  )

const executions = ['device', 'matmul', 'adapter'] as const

/** With what an experiment that was begun with `kept` goes on; or why not with those of now. */
export const goingOn = (kept: Inputs, now: Inputs): E.Either<Failure, Execution> => {
  const another = 'go on with that one, or give another --out'
  const other = executions.find((key) => now.execution[key] !== undefined && now.execution[key] !== kept.execution[key])
  if (other !== undefined) {
    const before = kept.execution[other]
    return E.left(
      wrongUsage(
        `--${other}: found ${now.execution[other]}, expected ${before ?? 'none'}, as it was begun: ` +
          `what is computed otherwise may round otherwise; ${another}`
      )
    )
  }
  const changed = Object.keys(kept.configurations).find((id) => kept.configurations[id] !== now.configurations[id])
  if (changed !== undefined)
    return E.left(
      failed(`the configuration of ${changed} has changed since this was begun: undo that, or give another --out`)
    )
  return kept.corpus === now.corpus
    ? E.right(kept.execution)
    : E.left(failed(`--corpus: found another corpus there than this was begun with: ${another}`))
}
