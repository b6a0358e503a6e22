/**
 * Runs whose worker threads are lost: they leave no trace, and what cannot go on is saved.
 */

import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setEnvironmentData } from 'node:worker_threads'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showRunError } from '../../../src/electra/cli/show-error.js'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { pretrain } from '../../../src/electra/pretraining/pretrain.js'
import type { PretrainOptions } from '../../../src/electra/pretraining/pretrain.js'
import type { RunError, RunEvent, RunResult } from '../../../src/electra/training/run.js'
import { built } from '../../built.js'
import { chaosEntry, type Death } from '../../workers/chaos.js'
import { left, rightOf } from '../data/right.js'
import { corpusIn, optionsOf, remove, temporary, textOf, threads } from './runs.js'

let directory = ''
let corpus: Corpus
let whole: RunResult
/** The first program that evaluations run, and no step. */
let evaluating = -1

const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

const options = (out: string, change: Partial<PretrainOptions> = {}): PretrainOptions =>
  optionsOf(corpus, at(out), { totalSteps: 6, checkpointEvery: 3, ...change })

/** Plans deaths for the pools that are acquired next; gives the counts of the runs of each program. */
const plan = (deaths: ReadonlyArray<Death>): Int32Array => {
  const [runs, passed] = [0, 1].map(() => new Int32Array(new SharedArrayBuffer(4 * 64)))
  setEnvironmentData('chaos', { thread: built('workers/pool/thread.js').href, plan: deaths, runs, deaths: passed })
  return runs
}

const chaotic = (workers: number, attempts: number): PretrainOptions['pool'] => ({
  ...threads(workers),
  entry: chaosEntry,
  patience: { attempts }
})

beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
  const runs = plan([])
  let before: ReadonlyArray<number> = []
  const observe = ({ _tag }: RunEvent): void => {
    if (_tag === 'Stepped' && before.length === 0) before = [...runs]
  }
  whole = await rightOf(pretrain(options('whole', { pool: chaotic(1, 1), observe })))
  evaluating = runs.findIndex((n, program) => n > 0 && before[program] === 0)
})
afterAll(() => remove(directory))

const metricsOf = async (out: string): Promise<ReadonlyArray<unknown>> =>
  (await readFile(at(out, 'metrics.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as object), seconds: 0 }))

const checkpointOf = async ({ checkpoint }: RunResult): Promise<ReadonlyArray<Buffer>> =>
  Promise.all((await readdir(checkpoint)).sort().map((name) => readFile(join(checkpoint, name))))

const expectWhole = async (out: string, result: RunResult): Promise<void> => {
  expect(result.isComplete).toBe(true)
  expect(result.weightsSha256).toBe(whole.weightsSha256)
  expect(await metricsOf(out)).toEqual(await metricsOf('whole'))
  expect(await checkpointOf(result)).toEqual(await checkpointOf(whole))
}

describe('a run whose threads are lost', () => {
  it('is the run whose threads were not, and tells of each that was replaced', async () => {
    plan([
      { program: 0, run: 1, way: 'exit' },
      { program: 0, run: 4, way: 'reject' },
      { program: 1, run: 2, way: 'throw' },
      { program: evaluating, run: 0, way: 'exit' }
    ])
    const events: Array<RunEvent> = []
    const result = await rightOf(
      pretrain(options('lost', { pool: chaotic(2, 3), observe: (event) => events.push(event) }))
    )
    expect(result.replacements).toBe(4)
    expect(events.flatMap((event) => (event._tag === 'Replaced' ? [event.cause._tag] : [])).sort()).toEqual([
      'WorkerExited',
      'WorkerExited',
      'WorkerFailed',
      'WorkerFailed'
    ])
    await expectWhole('lost', result)
  })

  /** The error of a run of which each death ends it, and the result of going on from there. */
  const endedAndResumed = async (
    out: string,
    deaths: ReadonlyArray<Death>,
    between: () => Promise<unknown> = () => Promise.resolve()
  ): Promise<readonly [RunError, RunResult]> => {
    plan(deaths)
    const error = left(await pretrain(options(out, { pool: chaotic(1, 1) }))())
    await between()
    return [error, await rightOf(pretrain(options(out, { resume: true })))]
  }

  it('too often in a step is saved as it was after the step before, and goes on from there', async () => {
    // Two shards a step: the second of step 4, counted from 0.
    const [error, result] = await endedAndResumed('step', [{ program: 0, run: 9, way: 'exit' }])
    const saved = at('step', 'checkpoints', 'checkpoint-00000004')
    expect(error).toEqual({
      _tag: 'StepFailed',
      step: 4,
      cause: {
        _tag: 'TaskFailed',
        worker: 0,
        attempts: 1,
        cause: { _tag: 'WorkerExited', worker: 0, code: 3 }
      },
      saved: O.some(E.right(saved)),
      last: at('step', 'checkpoints', 'checkpoint-00000003')
    })
    expect(showRunError(error)).toBe(
      'after step 4: given up after attempt 1 of 1: worker 0 exited with code 3 ' +
        `before it answered. The state is saved in ${saved}: continue with --resume`
    )
    await expectWhole('step', result)
  })

  it('too often while the update is copied into place is not saved, and goes on from the checkpoint before', async () => {
    // The last program that is loaded before the evaluation copies what was updated, once a step.
    const [error, result] = await endedAndResumed('torn', [{ program: evaluating - 1, run: 4, way: 'exit' }])
    expect(error).toMatchObject({ _tag: 'StepFailed', step: 4, cause: { _tag: 'StateTorn' }, saved: O.none })
    const last = at('torn', 'checkpoints', 'checkpoint-00000003')
    expect(showRunError(error)).toContain(`. The last checkpoint stands, ${last}: continue with --resume`)
    expect(await readdir(at('torn', 'checkpoints'))).not.toContain('checkpoint-00000004')
    await expectWhole('torn', result)
  })

  it('too often in an evaluation is saved without it, and makes it when it goes on', async () => {
    const [error, result] = await endedAndResumed('evaluation', [{ program: evaluating, run: 0, way: 'exit' }], () =>
      // Made, and nothing saved after it.
      rightOf(pretrain(options('evaluation', { resume: true, shouldStop: () => true })))
    )
    expect(error).toMatchObject({
      _tag: 'StepFailed',
      step: 3,
      saved: O.some(E.right(at('evaluation', 'checkpoints', 'checkpoint-00000003')))
    })
    await expectWhole('evaluation', result)
  })
})

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** The run as a process of its own, as the command line would have it. */
const inProcessOfItsOwn = async (out: string, deaths: ReadonlyArray<Death>): Promise<Ran> => {
  const script = fileURLToPath(new URL('./entries/chaotic-run.mjs', import.meta.url))
  const { pool: _, ...settings } = options(out)
  const given = JSON.stringify({
    ...settings,
    corpus: at('text.corpus'),
    fifo: at(`${out}.fifo`),
    plan: deaths,
    chaos: chaosEntry.href
  })
  await writeFile(at(`${out}.json`), given)
  return new Promise((settle) => {
    execFile(process.execPath, [script, at(`${out}.json`)], { timeout: 60_000 }, (error, stdout, stderr) =>
      settle({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    )
  })
}

describe('the process of a run', () => {
  it('that is asked to stop as a thread is lost finishes the step on a new one, saves, and stops', async () => {
    const ran = await inProcessOfItsOwn('stopped', [{ program: 0, run: 3, way: 'interrupt' }])
    expect(ran).toMatchObject({ code: 130 })
    expect(ran.stderr).toContain('worker 0 exited with code 3 before it answered; replaced')
    expect(JSON.parse(ran.stdout)).toMatchObject({ isComplete: false, step: 2, replacements: 1 })
    await expectWhole('stopped', await rightOf(pretrain(options('stopped', { resume: true }))))
  })

  it('ends with its state saved and one clear error where a thread is stuck in native code', async () => {
    const ran = await inProcessOfItsOwn('stuck', [{ program: 0, run: 3, way: 'native' }])
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(ran.stderr).toContain(
      'after step 1: worker 0 could not be stopped within 0.2 s: its thread is stuck in native code. ' +
        `The state is saved in ${at('stuck', 'checkpoints', 'checkpoint-00000001')}: continue with --resume`
    )
    await expectWhole('stuck', await rightOf(pretrain(options('stuck', { resume: true }))))
  })
})
