/**
 * `experiment` as a process that has processes: to its end, killed at any moment, and with what it is not given.
 */

import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { ExperimentResults } from '../../../src/electra/report/experiment/results.js'
import { experimentReport } from '../../../src/electra/report/experiment/report.js'
import { htmlOf } from '../../../src/electra/report/pages/html.js'
import { markdownOf } from '../../../src/electra/report/pages/markdown.js'
import { textOf } from '../training/runs.js'
import { expectFailure, jsonLines, pureElectra, start } from './cli.js'
import { place, type Place } from './finetune-cases.js'

let its: Place

const declaration = {
  name: 'least',
  corpus: 'corpus',
  config: 'nano.json',
  objectives: { electra: {}, mlm: {} },
  baseline: 'mlm',
  budgets: [{ steps: 12 }],
  seeds: [1],
  tuning: { rates: [1e-3], seed: 9 },
  tasks: {
    colours: {
      task: 'sentence',
      options: {
        train: 'train.csv',
        dev: 'dev.csv',
        'text-a': 'text',
        label: 'label',
        epochs: 1,
        'batch-size': 4,
        'sequence-length': 12
      },
      metric: 'accuracy',
      rates: [1e-3],
      trials: 1
    }
  },
  untrained: false
}

const command = (out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...['experiment', its.at('experiment.json'), '--out', its.at(out), '--jobs', '2', ...more]
]

const resultsIn = async (out: string): Promise<ExperimentResults> =>
  JSON.parse(await readFile(its.at(out, 'results.json'), 'utf8')) as ExperimentResults

/** But for times, and for where it was. */
const timeless = (results: ExperimentResults, out: string): ExperimentResults =>
  JSON.parse(
    JSON.stringify(results, (key, value: unknown) => {
      if (key === 'seconds') return 0
      // A run that was killed behind its last step, and went on from there, has none.
      if (key === 'tokensPerSecond') return undefined
      if (['startedAt', 'updatedAt', 'command'].includes(key)) return ''
      return key === 'starts' ? [] : value
    }).replaceAll(its.at(out), 'OUT')
  ) as ExperimentResults

beforeAll(async () => {
  its = await place()
  await writeFile(its.at('experiment.json'), JSON.stringify(declaration))
  await writeFile(
    its.at('nano.json'),
    JSON.stringify({ extends: 'nano', model: { layers: 1 }, training: { evaluationBatches: 1 } })
  )
  await writeFile(its.at('text.txt'), textOf(52))
  const corpus = ['corpus', 'build', '--input', its.at('text.txt'), '--out', its.at('corpus'), '--vocab-size', '60']
  expect(await pureElectra(...corpus)).toMatchObject({ code: 0 })
  expect(await pureElectra(...command('whole'))).toMatchObject({ code: 0 })
})
afterAll(() => its.remove())

describe('minutes', () => {
  const minutes = (out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> => [
    ...['experiment', 'minutes', '--out', its.at(out), '--jobs', '2', ...more]
  ]
  const reportsIn = async (out: string): Promise<ReadonlyArray<string>> => {
    const document = experimentReport(timeless(await resultsIn(out), out))
    return [markdownOf(document), await htmlOf(document)()]
  }

  it('closes, and killed at any moment comes to the same report when it goes on', { timeout: 600_000 }, async () => {
    expect(await pureElectra(...minutes('minutes'))).toMatchObject({ code: 0 })
    const { isComplete, runs, trials } = await resultsIn('minutes')
    expect(isComplete).toBe(true)
    expect([...runs, ...trials].filter(({ outcome }) => outcome._tag !== 'Done')).toEqual([])
    expect(trials.filter(({ isTuning, untrained }) => !isTuning && untrained)).toHaveLength(2)

    const killed = start(...minutes('minutes-killed'))
    const moment = 4000 + 20_000 * Math.random()
    await Promise.race([wait(moment), killed.ended])
    killed.child.kill('SIGKILL')
    await killed.ended
    expect(await pureElectra(...minutes('minutes-killed', '--resume')), `killed after ${moment} ms`).toMatchObject({
      code: 0
    })
    expect(timeless(await resultsIn('minutes-killed'), 'minutes-killed')).toEqual(
      timeless(await resultsIn('minutes'), 'minutes')
    )
    expect(await reportsIn('minutes-killed')).toEqual(await reportsIn('minutes'))
  })

  /** The rows of a table of the report in Markdown, by the titles of its columns. */
  const tableIn = (markdown: string, caption: string): ReadonlyArray<ReadonlyMap<string, string>> => {
    const lines = markdown.slice(markdown.indexOf(caption)).split('\n')
    const start = lines.findIndex((line) => line.startsWith('|'))
    const [titles, , ...rows] = lines.slice(start, lines.indexOf('', start)).map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
    )
    return rows.map((row) => new Map(titles.map((title, i) => [title, row[i]])))
  }

  const meanOf = (xs: ReadonlyArray<number>): number => xs.reduce((sum, x) => sum + x, 0) / xs.length

  /** Its last digit may be rounded either way. */
  const expectShown = (cell: string | undefined, x: number): void => {
    expect(cell).toMatch(/^-?\d+(\.\d+)?$/)
    const digits = (cell ?? '').split('.')[1]?.length ?? 0
    expect(Math.abs(Number(cell) - x)).toBeLessThanOrEqual(0.5001 * 10 ** -digits)
  }

  it('reports what its runs wrote down: curves, the plateau, ends and scores', async () => {
    const markdown = await readFile(its.at('minutes', 'report.md'), 'utf8')
    const { runs, trials } = await resultsIn('minutes')
    type Line = { readonly kind: string; readonly step: number; readonly maskedLmLoss: number }
    const heldOut = async (id: string): Promise<ReadonlyArray<Line>> =>
      (await readFile(its.at('minutes', 'runs', id, 'metrics.jsonl'), 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line)
        .filter(({ kind }) => kind === 'heldOut')
    const written = new Map(await Promise.all(runs.map(async ({ id }) => [id, await heldOut(id)] as const)))

    const curves = tableIn(markdown, 'Numbers: masked-LM loss, held out')
    expect(curves).toHaveLength(4)
    for (const row of curves) {
      const found = runs
        .filter(({ arm, isTuning }) => arm === row.get('arm') && !isTuning)
        .map(({ id }) => written.get(id)?.find(({ step }) => String(step) === row.get('step')))
      expect(found).toHaveLength(2)
      expectShown(row.get('mean'), meanOf(found.map((line) => line?.maskedLmLoss ?? NaN)))
    }
    const ends = tableIn(markdown, 'All 8 pre-training runs')
    expect(ends.map((row) => row.get('run'))).toEqual([...written.keys()])
    for (const row of ends)
      expectShown(row.get('held out: masked-LM loss'), written.get(row.get('run') ?? '')?.at(-1)?.maskedLmLoss ?? NaN)
    const plateaus = tableIn(markdown, 'The plateau, run by run')
    expect(plateaus).toHaveLength(4)
    for (const row of plateaus) {
      const plateau = Number(row.get('no context, nats'))
      const first = written.get(row.get('run') ?? '')?.find(({ maskedLmLoss }) => maskedLmLoss < plateau)
      expect(row.get('first step below')).toBe(first === undefined ? 'never' : String(first.step))
    }
    const scores = tableIn(markdown, 'Scores on textbook')
    for (const arm of ['electra', 'mlm', 'untrained']) {
      const ids = trials.filter((one) => one.arm === arm && !one.isTuning).map(({ id }) => id)
      const means = await Promise.all(
        ids.map(async (id) => {
          const text = await readFile(its.at('minutes', 'trials', id, 'results.json'), 'utf8')
          type Trial = { readonly splits: { readonly dev: { readonly accuracy: number } } }
          const { trials: all } = JSON.parse(text) as { readonly trials: ReadonlyArray<Trial> }
          return 100 * meanOf(all.map(({ splits }) => splits.dev.accuracy))
        })
      )
      const row = scores.find((one) => one.get('arm') === arm)
      row
        ?.get('scores by seed')
        ?.split(', ')
        .forEach((cell, i) => expectShown(cell, means[i]))
      expectShown(row?.get('mean ± deviation')?.split(' ')[0], meanOf(means))
    }
  })
})

describe('an experiment', () => {
  it('trains every arm, fine-tunes it, and says what came of it', async () => {
    const { runs, trials, isComplete } = await resultsIn('whole')
    expect(isComplete).toBe(true)
    expect(runs.map(({ id, outcome }) => [id, outcome._tag])).toEqual([
      ['electra-s1', 'Done'],
      ['mlm-s1', 'Done']
    ])
    expect(trials.map(({ arm, outcome }) => [arm, outcome])).toEqual(
      ['electra', 'mlm'].map((arm) => [arm, { _tag: 'Done', scores: [expect.any(Number)] }])
    )
    expect(runs.every(({ report, curve }) => report?.complete === true && curve.length > 0)).toBe(true)
  })

  it('killed leaves no process of its own to go on', async () => {
    // Longer than anybody waits.
    await writeFile(its.at('long.json'), JSON.stringify({ ...declaration, budgets: [{ steps: 1_000_000 }] }))
    const killed = start('experiment', its.at('long.json'), '--out', its.at('long'), '--jobs', '1')
    const run = its.at('long', 'runs', 'electra-s1')
    const names = (): Promise<ReadonlyArray<string>> => readdir(run).catch(() => [])
    await vi.waitUntil(async () => (await names()).includes('metrics.jsonl'), { timeout: 60_000, interval: 100 })
    expect(await names()).toContain('.lock')
    const kept = await readFile(its.at('long', 'experiment.json'), 'utf8')
    expectFailure(await pureElectra(...command('long')), 1, /long is in use by /)
    expect(await readFile(its.at('long', 'experiment.json'), 'utf8')).toBe(kept)
    killed.child.kill('SIGKILL')
    await killed.ended
    await vi.waitUntil(async () => !(await names()).includes('.lock'), { timeout: 60_000, interval: 100 })
    const saved = await readdir(its.at('long', 'runs', 'electra-s1', 'checkpoints'))
    expect(saved.filter((name) => name.startsWith('checkpoint-')).length).toBeGreaterThan(0)
  })

  it('interrupted before its first job has begun, counts no job as failed', async () => {
    const interrupted = start(...command('interrupted'))
    const logs = (): Promise<ReadonlyArray<string>> => readdir(its.at('interrupted', 'logs')).catch(() => [])
    await vi.waitUntil(async () => (await logs()).length > 0, { timeout: 60_000, interval: 10 })
    // Before it has even loaded what hears signals, or when it does.
    await wait(1000 * Math.random())
    interrupted.child.kill('SIGINT')
    expect(await interrupted.ended).toMatchObject({ code: 130 })
    expect(await readdir(its.at('interrupted', 'failures'))).toEqual([])
    const { runs, isComplete } = await resultsIn('interrupted')
    expect(isComplete).toBe(false)
    expect(runs.map(({ outcome }) => outcome._tag)).toEqual(['Pending', 'Pending'])
  })

  it('keeps a run that fails as a result, and goes on with the others', async () => {
    const { colours } = declaration.tasks
    const failing = {
      ...declaration,
      tasks: { colours: { ...colours, options: { ...colours.options, label: 'shade' } } }
    }
    await writeFile(its.at('failing.json'), JSON.stringify(failing))
    await cp(its.at('whole', 'runs'), its.at('failing', 'runs'), { recursive: true })
    const ran = await pureElectra('experiment', its.at('failing.json'), '--out', its.at('failing'))
    expect(ran).toMatchObject({ code: 0 })
    const { trials, isComplete } = await resultsIn('failing')
    expect(isComplete).toBe(true)
    const shade = { _tag: 'Failed', reason: expect.stringMatching(/shade/) as string }
    expect(trials.map(({ outcome }) => outcome)).toEqual([shade, shade])
  })

  it('keeps a failure until it is asked to run that again, whether or not there can be a log of it', async () => {
    for (const name of ['runs', 'trials', 'experiment.json', 'inputs.json'])
      await cp(its.at('whole', name), its.at('again', name), { recursive: true })
    await rm(its.at('again', 'runs', 'mlm-s1'), { recursive: true })
    await rm(its.at('again', 'trials', 'mlm-s1-colours-1e3'), { recursive: true })
    await mkdir(its.at('again', 'failures'))
    await writeFile(its.at('again', 'failures', 'mlm-s1.json'), '{"reason":"the loss was NaN"}')
    await mkdir(its.at('again', 'logs', 'mlm-s1.log'), { recursive: true })

    expect(await pureElectra(...command('again', '--resume'))).toMatchObject({ code: 0 })
    const { runs } = await resultsIn('again')
    expect(runs.map(({ outcome }) => outcome)).toEqual([
      { _tag: 'Done', scores: [] },
      { _tag: 'Failed', reason: 'the loss was NaN' }
    ])
    const ran = await pureElectra(...command('again', '--resume', '--retry-failed', '--json'))
    expect(ran).toMatchObject({ code: 0 })
    expect(jsonLines(ran).at(-1)).toEqual({
      isComplete: true,
      html: its.at('again', 'report.html'),
      markdown: its.at('again', 'report.md'),
      results: its.at('again', 'results.json')
    })
    const ends = ({ runs, trials }: ExperimentResults) => [...runs, ...trials].map(({ id, outcome }) => [id, outcome])
    expect(ends(await resultsIn('again'))).toEqual(ends(await resultsIn('whole')))
  })

  it('refuses what it cannot carry out, and leaves what is there', async () => {
    const before = await readdir(its.at('whole'))
    expectFailure(
      await pureElectra(...command('whole')),
      2,
      /found an experiment there, expected none; --resume goes on/
    )
    await writeFile(its.at('other.json'), JSON.stringify({ ...declaration, seeds: [2] }))
    expectFailure(
      await pureElectra('experiment', its.at('other.json'), '--out', its.at('whole'), '--resume'),
      1,
      /found another experiment there .*experiment\.json has another seeds\): repeat the command/
    )
    await writeFile(its.at('bad.json'), JSON.stringify({ ...declaration, baseline: 'bert', seeds: [] }))
    expectFailure(
      await pureElectra('experiment', its.at('bad.json'), '--out', its.at('new')),
      2,
      /seeds: .*at least one/
    )
    await writeFile(its.at('unknown.json'), JSON.stringify({ ...declaration, set: { 'model.depth': 3 } }))
    expectFailure(await pureElectra('experiment', its.at('unknown.json'), '--out', its.at('new')), 1, /model\.depth/)
    expectFailure(await pureElectra('experiment', 'minute', '--out', its.at('new')), 2, /minutes/)
    expectFailure(
      await pureElectra(...command('whole'), '--resume', '--matmul', 'own'),
      2,
      /--matmul: found own, expected none, as it was begun/
    )
    await writeFile(its.at('empty.json'), JSON.stringify({ ...declaration, corpus: 'nowhere' }))
    expectFailure(
      await pureElectra('experiment', its.at('empty.json'), '--out', its.at('new')),
      2,
      /found no corpus at/
    )
    const { colours } = declaration.tasks
    const lost = { colours: { ...colours, options: { ...colours.options, dev: 'lost.csv' } } }
    await writeFile(its.at('lost.json'), JSON.stringify({ ...declaration, tasks: lost }))
    expectFailure(
      await pureElectra('experiment', its.at('lost.json'), '--out', its.at('new')),
      2,
      /tasks\.colours\.options\.dev: found nothing at .*lost\.csv/
    )
    expect(await readdir(its.at('whole'))).toEqual(before)
    expect(await readdir(its.at())).not.toContain('new')
  })
})
