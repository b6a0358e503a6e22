/** `pure-electra devices`: what this machine can run programs on, and by what it can reach others. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../../tensor/reason.js'
import type { Surveyed } from '../../../tensor/run/choose.js'
import { showAdapterReport } from '../../../tensor/run/webgpu/adapter-report.js'
import { describeMpi, showWorkerError, type Launch } from '../../../workers/index.js'
import type { Console } from '../console.js'
import { exitCodes, failed, type Command, type Failure } from '../outcome.js'
import { jsonOption } from '../arguments.js'
import { examples, finish, type WithJson } from '../finish.js'

const surveyProcess = new URL('../survey-process.js', import.meta.url)

type Found = Omit<Surveyed, 'kind'> & { readonly kind: Surveyed['kind'] | 'ranks' }

/** The MPI that ranks started by a launcher of that kind would use. */
const surveyMpi = (kind: Launch['kind'], name: string): T.Task<Found> =>
  pipe(
    describeMpi(kind),
    TE.match(
      (e) => ({ available: false, detail: e._tag === 'MpiUnavailable' ? e.reason : showWorkerError(e) }),
      (detail) => ({ available: true, detail })
    ),
    T.map((found) => ({ kind: 'ranks', name, ...found }))
  )

/** In a process of its own: graphics drivers complain of what they lack on standard error, where nobody can stop them. */
const surveyAside: TE.TaskEither<Failure, ReadonlyArray<Surveyed>> = TE.tryCatch(
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(surveyProcess)])
    return JSON.parse(stdout) as ReadonlyArray<Surveyed>
  },
  (thrown) => failed(`The devices could not be looked at: ${reasonOf(thrown)}`)
)

const all: TE.TaskEither<Failure, ReadonlyArray<Found>> = pipe(
  surveyAside,
  TE.chainTaskK((found) => async () => [
    ...found,
    await surveyMpi('Open MPI', 'openmpi')(),
    await surveyMpi('PMI', 'mpich')()
  ])
)

/** What is chosen on a line, and what it can do and cannot below it. */
const linesOf = (
  { kind, name, available, detail, lacks = [], report }: Found,
  width: number
): ReadonlyArray<string> => {
  const indent = ' '.repeat(10 + 2 + width + 2 + 3 + 2)
  return [
    `${kind.padEnd(10)}  ${name.padEnd(width)}  ${available ? 'yes' : 'no '}  ${detail}`,
    ...[
      ...(report === undefined ? [] : showAdapterReport(report)),
      ...(lacks.length === 0 ? [] : [`lacks ${lacks.join(', ')}`])
    ].map((line) => `${indent}${line}`)
  ]
}

export const devices = (console: Console): Command =>
  pipe(
    all,
    TE.map((found) => {
      const width = Math.max(...found.map(({ name }) => name.length))
      for (const one of found) linesOf(one, width).forEach(console.say)
      console.json(found)
      return exitCodes.done
    })
  )

export const declareDevices = (root: Program): void => {
  root
    .command('devices')
    .description(
      'what this machine can run programs and multiply matrices on, with what GPU adapters offer and lack, and by which MPI it can reach others'
    )
    .addOption(jsonOption())
    .addHelpText('after', examples('devices', 'devices --json'))
    .action((options: WithJson) => finish(options, devices))
}
