import { Writable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Console } from '../../../src/electra/cli/console.js'
import { corpusProgress, showLosses, showSeconds, trainingProgress } from '../../../src/electra/cli/progress.js'
import type { PretrainEvent } from '../../../src/electra/training/run.js'

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
      showLosses({ maskedLmLoss: 7.123, discriminatorLoss: 0.3124, discriminatorAccuracy: 0.9, discriminatorAuc: NaN })
    ).toBe('mlm 7.12  disc 0.312  acc 0.900  auc -')
    expect(showLosses({ maskedLmLoss: 7.123, maskedLmAccuracy: 0.25 })).toBe('mlm 7.12  acc 0.250')
    expect(showLosses({ maskedLmLoss: 7.123, maskedLmAccuracy: 0.25, fixedCorruptionAuc: 0.8125 })).toBe(
      'mlm 7.12  acc 0.250  fixed auc 0.813'
    )
  })
})

describe('the progress of training where no bar can be drawn', () => {
  const started: PretrainEvent = {
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

  it('is a line at the start, and for each evaluation, each checkpoint and each thread that was replaced', () => {
    const console = listening()
    const { observe, stop } = trainingProgress(console)
    observe(started)
    observe({ _tag: 'Evaluated', step: 8, report: { maskedLmLoss: 2, maskedLmAccuracy: 0.5 }, isBest: true })
    observe({ _tag: 'Saved', step: 8, path: 'out/checkpoint' })
    observe({ _tag: 'Replaced', worker: 1, cause: { _tag: 'WorkerExited', worker: 1, code: 3 } })
    stop()
    expect(console.notes).toEqual([
      '15,777 parameters, 1,234 examples (5 held out), 1 worker on wasm, matmul own, from step 4',
      'memory 30 MB: state 0.2, 1 set of gradients of 0.1, 1 worker with 30 each, other arrays 0.0',
      'step 8  held out: mlm 2.00  acc 0.500  (best)',
      'step 8  saved out/checkpoint',
      'worker 1 exited with code 3 before it answered; replaced'
    ])
  })

  it('scrolls above the bar on a terminal, which has the learning rate and the time gone', async () => {
    const written: Array<string> = []
    const stream = Object.assign(
      new Writable({
        write: (chunk, _, done) => {
          written.push(String(chunk))
          done()
        }
      }),
      { isTTY: true, columns: 160, cursorTo: () => true, moveCursor: () => true, clearLine: () => true }
    ) as unknown as NodeJS.WriteStream
    const { observe, stop } = trainingProgress({ ...listening(), isInteractive: true }, stream)
    observe(started)
    observe({
      _tag: 'Stepped',
      ...{ step: 5, report: { maskedLmLoss: 7 }, gradientNorm: 1, learningRate: 0.002, tokens: 100, seconds: 1 }
    })
    observe({ _tag: 'Evaluated', step: 8, report: { maskedLmLoss: 2, maskedLmAccuracy: 0.5 }, isBest: true })
    observe({ _tag: 'Saved', step: 8, path: 'out/checkpoint' })
    await new Promise((drawn) => setTimeout(drawn, 300))
    stop()
    const text = written.join('')
    expect(text).toContain('step 8  held out: mlm 2.00  acc 0.500  (best)\n')
    expect(text).toContain('step 8  saved out/checkpoint\n')
    expect(text).toMatch(/5\/12 {2}\d+s {2}\d+s left {2}mlm 7\.00 .* lr 2\.0e-3 {2}100 tok\/s/)
  })

  it('names the phases of a corpus once each', () => {
    const console = listening()
    const { observe } = corpusProgress(console)
    for (const done of [0, 1, 2]) observe({ phase: 'counting words', done, total: 2, elapsed: 1, left: 0 })
    observe({ phase: 'encoding', done: 0, total: 2, elapsed: 1, left: 0 })
    expect(console.notes).toEqual(['counting words ...', 'encoding ...'])
  })
})
