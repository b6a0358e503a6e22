import { Writable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Console } from '../../../src/electra/cli/console.js'
import {
  barFields,
  corpusProgress,
  evaluatedFields,
  showSeconds,
  startedFields,
  trainingProgress
} from '../../../src/electra/cli/progress.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import type { RunEvent } from '../../../src/electra/training/run.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { nano } from '../training/runs.js'

const columnsFor = (objective: 'electra' | 'mlm') => objectiveOf(nano({ objective }), drawnPieces(500)).columns

const [ofElectra, ofMlm] = [columnsFor('electra'), columnsFor('mlm')]

const listening = (): Console & { readonly notes: ReadonlyArray<string> } => {
  const notes: Array<string> = []
  return {
    say: () => undefined,
    json: () => undefined,
    note: (text) => notes.push(text),
    isJson: false,
    isInteractive: false,
    notes
  }
}

describe('a duration', () => {
  it.each([
    [0, '0s'],
    [59.4, '59s'],
    [59.6, '1m00s'],
    [75, '1m15s'],
    [3599.7, '1h00m'],
    [3660, '1h01m'],
    [360_000, '100h00m'],
    [undefined, '?'],
    [NaN, '?'],
    [Infinity, '?']
  ])('of %s seconds is shown as %s', (seconds, text) => {
    expect(showSeconds(seconds)).toBe(text)
  })

  it('is never shown with sixty of anything', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e6 }), (seconds) => {
        expect(showSeconds(seconds)).not.toMatch(/(^|\D)60[sm]/)
      })
    )
  })
})

describe('losses', () => {
  it('are those of the objective, and a dash where there is no number', () => {
    expect(
      barFields(ofElectra, {
        maskedLmLoss: 7.123,
        discriminatorLoss: 0.3124,
        discriminatorAccuracy: 0.9,
        discriminatorAuc: NaN
      })
    ).toEqual(['mlm 7.12', 'disc 0.312', 'acc 0.900', 'auc -'])
    expect(barFields(ofMlm, { maskedLmLoss: 7.123, maskedLmAccuracy: 0.25 })).toEqual(['mlm 7.12', 'acc 0.250'])
    expect(
      barFields(ofElectra, { maskedLmLoss: 7.123, discriminatorAccuracy: 0.25, fixedCorruptionAuc: 0.8125 })
    ).toEqual(['mlm 7.12', 'acc 0.250', 'fixed auc 0.813'])
  })
})

const started: Extract<RunEvent, { readonly _tag: 'Started' }> = {
  _tag: 'Started',
  step: 4,
  totalSteps: 12,
  parameters: 15_777,
  examples: 1234,
  heldOutExamples: 5,
  memory: { state: 2e5, sets: 1, set: 63_500, rest: 1e4, workers: 1, working: 3e7 },
  workers: 1,
  ranks: 1,
  device: 'wasm',
  multiplier: 'own',
  relaxedSimd: false
}

/** A terminal of that many columns, and the lines that have stood on it: cut where it would cut them. */
const terminalOf = (
  columns: number
): { readonly stream: NodeJS.WriteStream; readonly lines: () => ReadonlyArray<string> } => {
  let written = ''
  const stream = new Writable({
    write: (chunk, _, done) => {
      written += String(chunk)
      done()
    }
  })
  return {
    stream: Object.assign(stream, { isTTY: true, columns }) as unknown as NodeJS.WriteStream,
    // A line begins behind a line feed, and where the cursor is sent to the first column.
    lines: () =>
      written
        .split(/\n|\x1b\[1G/)
        .map((line) => stripVTControlCharacters(line))
        .filter((line) => line !== '')
  }
}

describe('the progress of training where no bar can be drawn', () => {
  it('is a line at the start, and for each evaluation, each checkpoint and each thread that was replaced', () => {
    const console = listening()
    const { observe, stop } = trainingProgress(console, ofMlm)
    observe(started)
    observe({ _tag: 'Evaluated', step: 8, report: { maskedLmLoss: 2, maskedLmAccuracy: 0.5 }, isBest: true })
    observe({ _tag: 'Saved', step: 8, path: 'out/checkpoint' })
    observe({ _tag: 'Replaced', worker: 1, cause: { _tag: 'WorkerExited', worker: 1, code: 3 } })
    stop()
    expect(console.notes).toEqual([
      '15,777 parameters, 1,234 examples (5 held out), from step 4',
      '1 worker on wasm, matmul own',
      'memory 30 MB: state 0.2, gradients 1 x 0.1, workers 1 x 30, other arrays 0.0',
      'step 8  held out (best): mlm 2.00  acc 0.500',
      'step 8  saved out/checkpoint',
      'worker 1 exited with code 3 before it answered; replaced'
    ])
  })

  it('names the phases of a corpus once each', () => {
    const console = listening()
    const { observe } = corpusProgress(console)
    for (const done of [0, 1, 2]) observe({ phase: 'counting words', done, total: 2, elapsed: 1, left: 0 })
    observe({ phase: 'encoding', done: 0, total: 2, elapsed: 1, left: 0 })
    expect(console.notes).toEqual(['counting words ...', 'encoding ...'])
  })
})

describe('the progress of training on a terminal', () => {
  const real = fc.oneof(fc.double({ min: 0, max: 12, noNaN: true }), fc.constantFrom(NaN, Infinity, 1e5))
  const report = fc.record(
    {
      maskedLmLoss: real,
      discriminatorLoss: real,
      discriminatorAccuracy: real,
      discriminatorAuc: real,
      fixedCorruptionAuc: real
    },
    { requiredKeys: ['maskedLmLoss'] }
  )
  const stepped = fc.record({
    step: fc.nat({ max: 1_000_000 }),
    report,
    learningRate: fc.double({ min: 1e-9, max: 1, noNaN: true }),
    tokens: fc.integer({ min: 1, max: 1e7 }),
    seconds: fc.double({ min: 1e-3, max: 100, noNaN: true })
  })
  const start = fc.record({
    parameters: fc.nat({ max: 2e9 }),
    examples: fc.nat({ max: 2e9 }),
    heldOutExamples: fc.nat({ max: 1e6 }),
    workers: fc.integer({ min: 1, max: 128 }),
    ranks: fc.integer({ min: 1, max: 64 }),
    relaxedSimd: fc.boolean()
  })

  /** A field of the bar's line, every number of it whole. */
  const field =
    /^([=-]+|\d+\/1000000|\S+ left|\d+(s|m\d\ds|h\d\dm)|(mlm|disc|acc|auc|fixed auc) (-|\d+\.\d{2,3})|lr \d\.\de[+-]\d+|\d+ tok\/s)$/

  it('shows whole fields from the first on, whatever the width and the numbers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 40, max: 200 }),
        start,
        stepped,
        report,
        fc.boolean(),
        (columns, facts, at, heldOut, isBest) => {
          const notes: Array<string> = []
          const { stream, lines } = terminalOf(columns)
          const console = { ...listening(), note: (text: string) => notes.push(text), isInteractive: true }
          const { observe, stop } = trainingProgress(console, ofElectra, stream)
          const began = { ...started, totalSteps: 1_000_000, ...facts }
          observe(began)
          const evaluated = { _tag: 'Evaluated', step: at.step, report: heldOut, isBest } as const
          observe(evaluated)
          observe({ _tag: 'Saved', step: at.step, path: 'runs/x/checkpoints/checkpoint-00000400' })
          observe({ _tag: 'Stepped', gradientNorm: 1, ...at })
          stop()
          expect([...notes, ...lines()].filter((line) => line.length > columns)).toEqual([])

          const beginsWith = (line: string, fields: ReadonlyArray<string>, gap: string): void => {
            expect(fields.map((_, i) => fields.slice(0, i + 1).join(gap))).toContain(line)
          }
          expect(notes).toHaveLength(3)
          startedFields(began).forEach((fields, i) => beginsWith(notes[i], fields, ', '))
          const all = lines()
          const [first, bar] = [all[0], all.at(-1) ?? '']
          beginsWith(first, evaluatedFields(evaluated, ofElectra), '  ')
          expect(all.slice(1, -1).join(' ')).toBe(`step ${at.step}  saved runs/x/checkpoints/checkpoint-00000400`)
          bar.split('  ').forEach((shown) => expect(shown).toMatch(field))
          expect(bar).toMatch(/^[=-]+ {2}\d+\/1000000/)
        }
      )
    )
  })

  it('has all but the AUC and the tokens in 80 columns, and everything and a longer bar in 120', () => {
    const at = (columns: number, scale: object = {}): string => {
      const { stream, lines } = terminalOf(columns)
      const { observe, stop } = trainingProgress({ ...listening(), isInteractive: true }, ofElectra, stream)
      observe({ ...started, step: 0, totalSteps: 2500 })
      const skipped = { lossScale: 65536, gradientNorm: Infinity, ...scale }
      if ('lossScale' in scale)
        observe({
          ...{ _tag: 'Stepped', step: 399, learningRate: 1, tokens: 2500, seconds: 1, report: {} },
          ...skipped
        })
      observe({
        ...scale,
        ...{ _tag: 'Stepped', step: 400, gradientNorm: 1, learningRate: 9.2e-4, tokens: 2500, seconds: 1 },
        report: { maskedLmLoss: 7.123, discriminatorLoss: 0.3124, discriminatorAccuracy: 0.9, discriminatorAuc: 0.67 }
      })
      stop()
      return (lines().at(-1) ?? '').replace(/\d+s {2}\d+s left/, '1s  1s left')
    }
    const fields = '400/2500  1s  1s left  lr 9.2e-4  mlm 7.12  disc 0.312  acc 0.900'
    expect(at(80)).toBe(`=--------  ${fields}`)
    expect(at(120)).toBe(`==------------  ${fields}  auc 0.670  2500 tok/s`)
    // Where losses are scaled.
    expect(at(144, { lossScale: 32768 })).toMatch(
      / acc 0\.900 {2}auc 0\.670 {2}scale 32768 {2}1 skipped {2}2500 tok\/s$/
    )
  })

  it('keeps what is noted in the last moment, and may be stopped twice', () => {
    const { stream, lines } = terminalOf(80)
    const { observe, stop } = trainingProgress({ ...listening(), isInteractive: true }, ofElectra, stream)
    observe(started)
    observe({ _tag: 'Saved', step: 12, path: 'out/checkpoint' })
    stop()
    const before = lines()
    stop()
    expect(before).toContain('step 12  saved out/checkpoint')
    expect(lines()).toEqual(before)
  })
})

describe('the progress of a corpus on a terminal', () => {
  it('shows whole fields, whatever the width', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 40, max: 200 }),
        fc.nat({ max: 100 }),
        fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined }),
        (columns, done, left) => {
          const { stream, lines } = terminalOf(columns)
          const { observe, stop } = corpusProgress({ ...listening(), isInteractive: true }, stream)
          observe({ phase: 'training the vocabulary', done, total: 100, elapsed: 1, left })
          stop()
          const whole = [`${done}%`, 'training the vocabulary', `${showSeconds(left)} left`]
          const [, ...fields] = (lines().at(-1) ?? '').split('  ')
          expect(fields).toEqual(whole.slice(0, fields.length))
          expect(fields.length).toBeGreaterThanOrEqual(2)
          expect(lines().filter((line) => line.length > columns)).toEqual([])
        }
      )
    )
  })
})
