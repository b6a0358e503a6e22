import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as O from 'fp-ts/lib/Option.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isBegun, judgedBy, outcomeOf, secondsOf, trainedIn } from '../../../../src/electra/cli/experiment/found.js'
import { placesIn } from '../../../../src/electra/cli/experiment/places.js'
import { reasonIn } from '../../../../src/electra/cli/experiment/processes.js'
import { armsOf } from '../../../../src/electra/experiment/arms.js'
import { checkDeclaration } from '../../../../src/electra/experiment/declaration.js'
import type { FineTuning, Pretraining } from '../../../../src/electra/experiment/plan.js'
import { right } from '../../data/right.js'
import { remove, temporary } from '../../training/runs.js'

const declaration = right(
  checkDeclaration({
    name: 'small',
    corpus: 'sample',
    config: 'nano',
    objectives: { mlm: {} },
    baseline: 'mlm',
    budgets: [{ steps: 10 }],
    seeds: [1],
    tuning: { rates: [1e-3], seed: 9 },
    tasks: { a: { task: 'cola', data: 'a', metric: 'matthews', rates: [1e-4] } }
  })
)
const [arm] = armsOf(declaration, () => false)

const run: Pretraining = {
  _tag: 'Pretraining',
  id: 'mlm-s1',
  isTuning: false,
  arm,
  budget: { steps: 10 },
  seed: 1,
  rate: 1e-3
}
const trials: FineTuning = {
  _tag: 'FineTuning',
  id: 'mlm-s1-a-1e4',
  isTuning: false,
  task: 'a',
  from: 'mlm-s1',
  untrained: false,
  seed: 1,
  trials: 2,
  rate: 1e-4
}

let directory = ''
beforeAll(async () => {
  directory = await temporary()
})
afterAll(() => remove(directory))

const put = async (path: string, value: unknown): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value))
}

const results = (...scores: ReadonlyArray<number | null>) => ({
  task: 'cola',
  trials: scores.map((matthews, seed) => ({ seed, step: 3, splits: { dev: { matthews }, test: {} } })),
  splits: { dev: { matthews: { trials: 2, median: 0.5, mean: 0.5, majority: 0.1 } } }
})

describe('how a job ended', () => {
  it('is not known where nothing stands, or something cut short', async () => {
    const places = placesIn(join(directory, 'none'))
    for (const job of [run, trials]) expect(await outcomeOf(declaration, places, job)()).toEqual(O.none)
    await put(join(places.of(trials), 'results.json'), '{"trials": [')
    await put(join(places.of(run), 'report.json'), '{"complete": true')
    for (const job of [run, trials]) expect(await outcomeOf(declaration, places, job)()).toEqual(O.none)
  })

  it('is what its trials were judged by; where one has no such number, a failure', async () => {
    const places = placesIn(join(directory, 'trials'))
    const file = join(places.of(trials), 'results.json')
    await put(file, results(0.25, 0.5))
    expect(await outcomeOf(declaration, places, trials)()).toEqual(O.some({ _tag: 'Done', scores: [0.25, 0.5] }))
    await put(file, results(0.25, null))
    expect(await outcomeOf(declaration, places, trials)()).toEqual(
      O.some({ _tag: 'Failed', reason: 'a trial has no number for matthews on dev' })
    )
  })

  it('is its failure, until it succeeds', async () => {
    const places = placesIn(join(directory, 'failed'))
    await put(places.failure(trials.id), { reason: 'the loss is NaN' })
    expect(await outcomeOf(declaration, places, trials)()).toEqual(
      O.some({ _tag: 'Failed', reason: 'the loss is NaN' })
    )
    await put(join(places.of(trials), 'results.json'), results(1, 1))
    expect(await outcomeOf(declaration, places, trials)()).toEqual(O.some({ _tag: 'Done', scores: [1, 1] }))
  })

  it('was begun where there is a checkpoint of a run, or a directory of trials', async () => {
    const places = placesIn(join(directory, 'begun'))
    expect([await isBegun(places, run)(), await isBegun(places, trials)()]).toEqual([false, false])
    await mkdir(join(places.of(run), 'checkpoints'), { recursive: true })
    await mkdir(places.of(trials), { recursive: true })
    expect([await isBegun(places, run)(), await isBegun(places, trials)()]).toEqual([false, true])
    await mkdir(join(places.of(run), 'checkpoints', 'checkpoint-00000003'))
    expect(await isBegun(places, run)()).toBe(true)
  })
})

describe('numbers that a job leaves', () => {
  it('are of dev, or of the first split that has labels', () => {
    const one = {
      trials: [{ splits: { test: {}, in_domain: { f1: 2 } } }],
      splits: { in_domain: { f1: { majority: 1 } } }
    }
    expect(judgedBy('f1', one)).toEqual({ scores: [2], majority: 1 })
    expect(judgedBy('accuracy', one)).toEqual({ scores: [NaN] })
  })

  it('are evaluations with the seconds of the steps before them, whatever else the lines are', () => {
    const metrics = [
      '{"kind":"step","step":1,"loss":3,"seconds":0.5}',
      '{"kind":"heldOut","step":1,"loss":2.5,"auc":null}',
      'not a line',
      '{"kind":"step","step":2,"loss":3,"seconds":0.25}',
      '{"kind":"heldOut","step":2,"loss":2}',
      '{"kind":"step","step":3,"lo'
    ].join('\n')
    expect(trainedIn(new TextEncoder().encode(metrics))).toEqual({
      curve: [
        { step: 1, seconds: 0.5, numbers: { loss: 2.5 } },
        { step: 2, seconds: 0.75, numbers: { loss: 2 } }
      ],
      seconds: 0.75
    })
    expect(trainedIn(new Uint8Array())).toEqual({ curve: [], seconds: 0 })
  })
})

describe('the seconds of a job', () => {
  it('are those of its steps, of all its trials; none where nothing stands', async () => {
    const places = placesIn(join(directory, 'seconds'))
    for (const job of [run, trials]) expect(await secondsOf(places, job)()).toBe(0)
    const step = (seconds: number): string => JSON.stringify({ kind: 'step', step: 1, seconds })
    await put(join(places.of(run), 'metrics.jsonl'), `${step(2)}\n${step(0.5)}\n`)
    await put(join(places.of(trials), 'trial-1', 'metrics.jsonl'), `${step(1)}\n`)
    await put(join(places.of(trials), 'trial-2', 'metrics.jsonl'), `${step(4)}\n`)
    expect(await secondsOf(places, run)()).toBe(2.5)
    expect(await secondsOf(places, trials)()).toBe(5)
  })
})

describe('the reason of a process', () => {
  it('is the sentence it failed with, or the last that it said', () => {
    expect(reasonIn('step 1\npure-electra: after step 3: the loss is NaN\n  at once\n')).toBe(
      'after step 3: the loss is NaN'
    )
    expect(reasonIn("error: unknown option '--epoch'\n(Did you mean --epochs?)\n(add --help for the options)\n")).toBe(
      "unknown option '--epoch'"
    )
    expect(reasonIn('Segmentation fault\n\n')).toBe('Segmentation fault')
    expect(reasonIn('')).toBe('it ended without a word')
  })
})
