/** A declaration with everything found that it names: paths relative to where we are, the shipped text in place of `sample`, every arm checked. */

import { dirname, isAbsolute, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { ElectraConfig } from '../../config/config.js'
import { namesNear, showNear } from '../../config/near.js'
import { presetNames } from '../../config/presets.js'
import { armsOf, type Arm } from '../../experiment/arms.js'
import {
  checkDeclaration,
  parseDeclaration,
  type Declaration,
  type DeclarationProblem,
  type Settings,
  type TaskDeclaration
} from '../../experiment/declaration.js'
import { experimentNames, experiments } from '../../experiment/presets.js'
import { kindOf } from '../../objective/table.js'
import { readText } from '../../store/files/files.js'
import { taskNamed, tasks } from '../../tasks/table.js'
import { readFinetuneOptions } from '../finetuning/options.js'
import { chosen } from '../finetuning/preparation.js'
import { loadConfig } from '../load-config.js'
import { wrongUsage, type Failure } from '../outcome.js'
import { taskArguments } from './job-arguments.js'

/** What stands for the text that the package carries, as a corpus and as a task. */
export const sample = 'sample'

export type Asked = {
  /** A name, or a file. */
  readonly experiment: string
  readonly corpus?: string
  /** Where the tasks' directories are. */
  readonly data?: string
}

const longestDeclaration = 2 ** 18

const showProblems = (source: string, problems: ReadonlyArray<DeclarationProblem>): string =>
  problems
    .map(
      ({ path, found, expected }) => `${source}: ${path === '' ? '' : `${path}: `}found ${found}, expected ${expected}`
    )
    .join('\n')

/** Relative to where we are, where it is not absolute: reports name it, wherever that is. */
const beside = (directory: string, path: string): string => (isAbsolute(path) ? path : join(directory, path))

type Read = { readonly declaration: Declaration; readonly directory: string }

const declared = (source: string): TE.TaskEither<Failure, Read> => {
  const problem = TE.mapLeft((all: ReadonlyArray<DeclarationProblem>) => wrongUsage(showProblems(source, all)))
  const known = experimentNames.find((name) => name === source)
  if (known !== undefined)
    return pipe(
      TE.fromEither(checkDeclaration(experiments[known])),
      problem,
      TE.map((declaration) => ({ declaration, directory: '.' }))
    )
  return pipe(
    readText(source, longestDeclaration),
    TE.mapLeft((e) =>
      wrongUsage(
        `experiment: found ${source}, expected one of ${experimentNames.join(', ')}, or a readable file` +
          `${e._tag === 'FileFailure' ? ` (${e.reason})` : ''}${showNear(namesNear(source, experimentNames))}`
      )
    ),
    TE.chain((text) => pipe(TE.fromEither(parseDeclaration(text)), problem)),
    TE.map((declaration) => ({ declaration, directory: dirname(source) }))
  )
}

/** Of tables of one's own; `dev` of other tasks is a split. */
const isFile = (task: string, option: string, value: unknown): value is string =>
  task === 'sentence' && ['train', 'dev', 'test'].includes(option) && typeof value === 'string'

/** Options of `finetune` that are files. */
export const fileOptions = ({ task, options }: TaskDeclaration): ReadonlyArray<readonly [string, string]> =>
  Object.entries(options).flatMap(([name, value]) => (isFile(task, name, value) ? [[name, value] as const] : []))

const foundTask = (task: TaskDeclaration, directory: string, sampleTask: string): TaskDeclaration =>
  task.task === sample
    ? {
        ...task,
        task: 'sentence',
        options: {
          ...task.options,
          train: join(sampleTask, 'train.tsv'),
          dev: join(sampleTask, 'dev.tsv'),
          'text-a': 'sentence',
          label: 'book'
        }
      }
    : {
        ...task,
        ...(task.data === undefined ? {} : { data: beside(directory, task.data) }),
        options: Object.fromEntries(
          Object.entries(task.options).map(([name, value]): readonly [string, Settings[string]] => [
            name,
            isFile(task.task, name, value) ? beside(directory, value) : value
          ])
        )
      }

const unknownTasks = ({ tasks: declaredTasks }: Declaration): ReadonlyArray<DeclarationProblem> =>
  Object.entries(declaredTasks).flatMap(([name, { task }]) =>
    task === sample || task === 'sentence' || taskNamed(task) !== undefined
      ? []
      : [
          {
            path: `tasks.${name}.task`,
            found: `'${task}'`,
            expected: `one of ${tasks.map((known) => known.name).join(', ')}, sentence or ${sample}`
          }
        ]
  )

/** Why `finetune` would not begin with a task, or not give the number that runs are judged by. */
const problemsOf = (name: string, declared: TaskDeclaration): ReadonlyArray<DeclarationProblem> => {
  const path = `tasks.${name}`
  const { metric } = declared
  return pipe(
    readFinetuneOptions([...taskArguments(declared), '--model', 'model', '--out', 'out']),
    E.mapLeft((message) => ({
      path: `${path}.options`,
      found: `what is refused (${message})`,
      expected: 'options of `finetune`'
    })),
    E.chain((options) =>
      pipe(
        chosen(options),
        E.mapLeft(({ message }) => ({ path, found: `what is refused (${message})`, expected: 'what it needs' }))
      )
    ),
    E.filterOrElse(
      ({ task: { metrics } }) => metrics.includes(metric),
      ({ task: { metrics } }) => ({
        path: `${path}.metric`,
        found: `'${metric}'`,
        expected: `one of ${metrics.join(', ')}`
      })
    ),
    E.match(
      (problem) => [problem],
      () => []
    )
  )
}

const taskProblems = ({ tasks: declaredTasks }: Declaration): ReadonlyArray<DeclarationProblem> =>
  Object.entries(declaredTasks).flatMap(([name, task]) => problemsOf(name, task))

export type Resolved = {
  readonly declaration: Declaration
  readonly arms: ReadonlyArray<Arm>
  /** Of each arm, but for the learning rate. */
  readonly configurations: ReadonlyMap<string, ElectraConfig>
  /** Where the text of this package is to be, as a corpus and as files of a task; none where it is not used. */
  readonly samples: ReadonlyArray<string>
}

/** The first that two arms have. */
const namesTwice = (arms: ReadonlyArray<Arm>): string | undefined =>
  arms.map(({ id }) => id).find((id, i, all) => all.indexOf(id) !== i)

/** Of no arms, of one with itself, or of two that are in another. */
const contrastProblems = (
  { contrasts = [] }: Declaration,
  arms: ReadonlyArray<Arm>
): ReadonlyArray<DeclarationProblem> => {
  const names = arms.map(({ id }) => id)
  return contrasts.flatMap(([arm, against], i) => {
    const unknown = [arm, against].find((id) => !names.includes(id))
    return unknown !== undefined
      ? [{ path: `contrasts.${i}`, found: `'${unknown}'`, expected: `two of the arms ${names.join(', ')}` }]
      : arm === against
        ? [{ path: `contrasts.${i}`, found: `'${arm}' twice`, expected: 'two arms' }]
        : contrasts.slice(0, i).some((other) => other.includes(arm) && other.includes(against))
          ? [{ path: `contrasts.${i}`, found: `'${arm}' and '${against}' again`, expected: 'each pair once' }]
          : []
  })
}

/** Rows of a task that an arm has no positions for. */
const tooLong = (
  { tasks: declaredTasks }: Declaration,
  configurations: ReadonlyMap<string, ElectraConfig>
): ReadonlyArray<DeclarationProblem> =>
  Object.entries(declaredTasks).flatMap(([name, { options }]) => {
    const length = Number(options['sequence-length'] ?? 0)
    const short = [...configurations].find(([, { model }]) => length > model.maxPositions)
    return short === undefined
      ? []
      : [
          {
            path: `tasks.${name}.options.sequence-length`,
            found: String(length),
            expected: `at most ${short[1].model.maxPositions}, the positions of ${short[0]}`
          }
        ]
  })

const settingsOf = (settings: Settings): ReadonlyArray<string> =>
  Object.entries(settings).map(([key, value]) => `${key}=${value}`)

/** `out` is where the shipped text lies as corpus and as task. */
export const resolved = ({ experiment, corpus, data }: Asked, out: string): TE.TaskEither<Failure, Resolved> =>
  pipe(
    declared(experiment),
    TE.filterOrElse(
      ({ declaration }) => unknownTasks(declaration).length === 0,
      ({ declaration }) => wrongUsage(showProblems(experiment, unknownTasks(declaration)))
    ),
    TE.map(({ declaration, directory }) => {
      const isSample = (corpus ?? declaration.corpus) === sample
      const files = data ?? directory
      const found: Declaration = {
        ...declaration,
        corpus: isSample ? join(out, 'corpus') : (corpus ?? beside(directory, declaration.corpus)),
        config: presetNames.some((name) => name === declaration.config)
          ? declaration.config
          : beside(directory, declaration.config),
        tasks: Object.fromEntries(
          Object.entries(declaration.tasks).map(([name, task]) => [name, foundTask(task, files, join(out, sample))])
        )
      }
      const samples = [
        ...(isSample ? [found.corpus] : []),
        ...Object.entries(found.tasks).flatMap(([name, task]) =>
          declaration.tasks[name].task === sample ? fileOptions(task).map(([, path]) => path) : []
        )
      ]
      return { declaration: found, samples }
    }),
    TE.filterOrElse(
      ({ declaration }) => taskProblems(declaration).length === 0,
      ({ declaration }) => wrongUsage(showProblems(experiment, taskProblems(declaration)))
    ),
    TE.let('arms', ({ declaration }) =>
      armsOf(declaration, (name) => kindOf(declaration.objectives[name]).generator === 'own sizes')
    ),
    TE.filterOrElse(
      ({ arms }) => namesTwice(arms) === undefined,
      ({ arms }) =>
        wrongUsage(
          `${experiment}: found two ways to pre-train that are both called ${namesTwice(arms)}, expected names of ` +
            'objectives and sizes that differ when joined by dashes'
        )
    ),
    TE.filterOrElse(
      ({ declaration, arms }) => contrastProblems(declaration, arms).length === 0,
      ({ declaration, arms }) => wrongUsage(showProblems(experiment, contrastProblems(declaration, arms)))
    ),
    TE.bind('configurations', ({ declaration: { config }, arms }) =>
      pipe(
        arms,
        TE.traverseArray(({ id, settings }) =>
          pipe(
            loadConfig(config, settingsOf(settings)),
            TE.bimap(
              ({ exit, message }) => ({ exit, message: `${experiment}: ${id}: ${message}` }),
              (loaded) => [id, loaded] as const
            )
          )
        ),
        TE.map((all) => new Map(all))
      )
    ),
    TE.filterOrElse(
      ({ declaration, configurations }) => tooLong(declaration, configurations).length === 0,
      ({ declaration, configurations }) => wrongUsage(showProblems(experiment, tooLong(declaration, configurations)))
    )
  )
