import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bracketed } from '../../../src/electra/cli/commands/predict.js'
import { showReport } from '../../../src/electra/cli/report.js'
import { closingReport, parseReport } from '../../../src/electra/report/closing-report.js'
import type { RunResult } from '../../../src/electra/training/run.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { networksOf } from '../../../src/electra/flops/network.js'
import { runCompute } from '../../../src/electra/flops/run-compute.js'
import { right } from '../data/right.js'
import { nano } from '../training/runs.js'

const { columns } = objectiveOf(nano(), drawnPieces(500))

const tenth = (maskedLmLoss: number) => ({
  maskedLmLoss,
  discriminatorLoss: 0.35,
  discriminatorAuc: 0.75,
  discriminatorAccuracy: 0.875,
  baseRateEntropy: 0.3768,
  replacedRate: 0.125
})

const result: RunResult = {
  isComplete: true,
  step: 20,
  totalSteps: 20,
  parameters: 15_777,
  device: 'wasm',
  multiplier: 'own',
  workers: 1,
  ranks: 1,
  relaxedSimd: false,
  starts: [],
  first: tenth(6.2),
  last: tenth(5.1),
  heldOut: { ...tenth(5.3), fixedCorruptionAuc: 0.625 },
  best: { step: 15, loss: 20.5 },
  facts: { unigramEntropy: 6 },
  tokensPerSecond: 2500.4,
  replacements: 0,
  weightsSha256: 'aa',
  optimizerSha256: 'bb',
  checkpoint: 'out/checkpoints/checkpoint-00000020',
  params: []
}

describe('the closing report', () => {
  it('sets first and last losses beside what chance gives', () => {
    const report = closingReport(result, columns)
    expect(report).toMatchObject({
      complete: true,
      baselines: { maskedLmLoss: { noContext: 0.85 * 6, chance: Math.log(500) } },
      facts: { unigramEntropy: 6 },
      first: { maskedLmLoss: 6.2 }
    })
    expect(report).not.toHaveProperty('params')
    const lines = showReport(report, columns).split('\n')
    expect(lines[0]).toBe('Finished at step 20 of 20: 15,777 parameters, 2500 tokens/s')
    const row = (label: string) => lines.find((line) => line.startsWith(label))
    expect(row('masked-LM loss')).toMatch(/ 6\.200 +5\.100 +5\.300 +5\.100 +6\.215$/)
    expect(row('discriminator loss')).toMatch(/ 0\.3500 +0\.3500 +0\.3500 +0\.3768 +0\.6931$/)
    expect(row('discriminator accuracy')).toMatch(/ 0\.875 +0\.875 +0\.875 +0\.875 +0\.500$/)
    expect(row('discriminator AUC')).toMatch(/ 0\.750 +0\.750 +0\.750 +- +0\.500$/)
    expect(row('AUC, fixed corruption')).toMatch(/ - +- +0\.625 +- +0\.500$/)
  })

  it('says on what a run in mixed precision was computed in float32, and how its losses were scaled', () => {
    const where = { multiplier: 'own', workers: 1, ranks: 1, relaxedSimd: false }
    const starts = [
      { ...where, device: 'webgpu', precision: 'mixed', step: 0 },
      { ...where, device: 'wasm', step: 3 }
    ] as const
    const scaled = { lossScale: 32768, skipped: 1, skippedInRow: 0 }
    const report = closingReport({ ...result, starts, scaled }, columns)
    expect(report.lossScale).toEqual({ last: 32768, skipped: 1 })
    expect(showReport(report, columns)).toContain(
      [
        'loss scale      32768 at the last step; 1 of 20 steps skipped',
        'computed on     1 worker on webgpu, matmul own, mixed precision',
        '                from step 3: 1 worker on wasm, matmul own, float32'
      ].join('\n')
    )
    expect(right(parseReport(JSON.stringify({ ...report, models: [] })))).toMatchObject({
      starts,
      lossScale: report.lossScale
    })
    const plain = showReport(closingReport(result, columns), columns)
    expect(plain).not.toMatch(/loss scale|float32/)
  })

  it('says what the run took, by the paper and as it was executed, a step and the run', () => {
    const recipe = { networks: networksOf(objectiveOf(nano(), drawnPieces(500)).stages), batchSize: 4, steps: 20 }
    const compute = runCompute(recipe, 1e9)
    const report = closingReport(result, columns, compute)
    expect(compute.executed.run).toBe(20 * 1e9)
    expect(compute.published.run).toBe(20 * compute.published.step)
    const said = (text: string): string => text.replace(/\s+/g, ' ')
    expect(said(showReport(report, columns))).toContain(
      `compute by the paper's count ${compute.published.run.toExponential(4)} operations, ` +
        `${compute.published.step.toExponential(4)} a step, ` +
        `${(100 * (compute.generatorShare?.published ?? NaN)).toFixed(3)} % of them the generator's; ` +
        'executed 2.0000e+10 operations, 1.0000e+9 a step '
    )
    const kept = { ...report, models: [] }
    expect(right(parseReport(JSON.stringify(kept)))).toEqual(kept)
    expect(showReport(closingReport(result, columns), columns)).not.toContain('compute ')
  })

  it('of the masked-LM baseline speaks of no discriminator', () => {
    const ofMlm = objectiveOf(nano({ objective: 'mlm' }), drawnPieces(500)).columns
    const text = showReport(closingReport(result, ofMlm), ofMlm)
    expect(text).toContain('masked-LM loss')
    expect(text).not.toContain('discriminator')
  })

  it('is no wider than a plain terminal, whatever the numbers', () => {
    const real = fc.oneof(
      fc.double({ min: 0, max: 20, noNaN: true }),
      fc.constantFrom(NaN, Infinity, 123_456.789, 1e300)
    )
    const names = [...Object.keys(tenth(1)), 'fixedCorruptionAuc']
    const numbers = fc
      .tuple(...names.map(() => real))
      .map((xs) => Object.fromEntries(names.map((name, i) => [name, xs[i]])))
    const where = {
      device: 'reference',
      multiplier: 'gpu.js:webgl2',
      workers: fc.integer({ min: 1, max: 128 }),
      ranks: fc.integer({ min: 1, max: 64 }),
      relaxedSimd: fc.boolean()
    }
    const place = fc.record({ ...where, device: fc.constant(where.device), multiplier: fc.constant(where.multiplier) })
    const facts = fc.record({
      first: numbers,
      last: numbers,
      heldOut: numbers,
      starts: fc.array(
        place.map((at) => ({ ...at, step: 999_999 })),
        { maxLength: 3 }
      ),
      step: fc.nat({ max: 1_000_000 }),
      parameters: fc.nat({ max: 2e9 }),
      facts: fc.record({ unigramEntropy: real }),
      replacements: fc.nat({ max: 3 })
    })
    const operations = { step: 1e300, run: 1e300 }
    const generatorShare = { published: 1, sparse: 1 }
    const largest = { published: operations, sparse: operations, executed: operations, generatorShare }
    const hashes = { weightsSha256: 'a'.repeat(64), optimizerSha256: 'b'.repeat(64) }
    fc.assert(
      fc.property(facts, (some) => {
        const report = closingReport({ ...result, totalSteps: 1_000_000, ...hashes, ...some }, columns, largest)
        const lines = showReport(report, columns).split('\n')
        expect(lines.filter((line) => line.length > 80)).toEqual([])
        // Every number of the table stands free of its neighbours.
        for (const line of lines.slice(2, 8)) expect(line).not.toMatch(/\d\.\d*\.|\de\+\d+\./)
        expect(lines.join('\n')).toContain(hashes.weightsSha256)
        expect(lines.join('\n')).toContain(hashes.optimizerSha256)
      })
    )
  })

  it('shows a dash for what there is not yet', () => {
    const stopped = { ...result, isComplete: false, step: 1, last: {}, heldOut: undefined, best: undefined }
    const text = showReport(closingReport(stopped, columns), columns)
    expect(text).toMatch(/^Stopped at step 1 of 20/)
    expect(text).toMatch(/^masked-LM loss +6\.200 +- +- +5\.100 +6\.215$/m)
    expect(text).not.toContain('best held out')
    expect(text).not.toMatch(/NaN|undefined/)
  })
})

describe('a marked sentence', () => {
  /** Words, each with whether it is marked. */
  const marked = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,5}$/), fc.boolean()), { maxLength: 8 })

  it('has its marked pieces in brackets, and is otherwise what was given', () => {
    fc.assert(
      fc.property(marked, (words) => {
        const sentence = ` ${words.map(([word]) => word).join(' ')} `
        const marks = words.map(([word, isMarked], i) => {
          const from = 1 + words.slice(0, i).reduce((n, [before]) => n + before.length + 1, 0)
          return { span: [from, from + word.length] as const, isMarked }
        })
        expect(bracketed(sentence, marks)).toBe(
          ` ${words.map(([word, isMarked]) => (isMarked ? `[${word}]` : word)).join(' ')} `
        )
      })
    )
  })
})
