import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { htmlOf } from '../../../src/electra/report/pages/html.js'
import { markdownOf } from '../../../src/electra/report/pages/markdown.js'
import { eventsOf } from '../../../src/electra/report/run/events.js'
import { parseMetrics, secondsUntil } from '../../../src/electra/report/run/metrics.js'
import { duration } from '../../../src/electra/report/shown.js'
import { runsReport } from '../../../src/electra/report/run/report.js'
import { namesOf, type RunData } from '../../../src/electra/report/run/run-data.js'
import { thinned } from '../../../src/electra/report/run/thinned.js'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const step = (n: number, more: object = {}): string =>
  JSON.stringify({ kind: 'step', step: n, loss: 10 - n / 100, tokens: 64, seconds: 0.5, ...more })

const heldOut = (n: number, more: object = {}): string =>
  JSON.stringify({ kind: 'heldOut', step: n, loss: 9 - n / 100, discriminatorAuc: 0.5 + n / 1000, ...more })

const run = (name: string, lines: ReadonlyArray<string>, more: Partial<RunData> = {}): RunData => ({
  name,
  directory: `runs/${name}`,
  metrics: parseMetrics(bytesOf(lines.map((line) => `${line}\n`).join(''))),
  ...more
})

describe('metrics.jsonl', () => {
  it('is read to the last whole line, whatever stands behind it', () => {
    const text = `${step(1)}\n${heldOut(1)}\n${step(2)}\n`
    const whole = parseMetrics(bytesOf(text))
    expect(whole.steps.steps).toEqual([1, 2])
    fc.assert(
      fc.property(fc.integer({ min: 0, max: step(3).length }), (cut) => {
        expect(parseMetrics(bytesOf(text + step(3).slice(0, cut)))).toEqual(whole)
      })
    )
  })

  it('has NaN where a line has no number, and as many numbers as steps', () => {
    const {
      steps,
      heldOut: held,
      unreadable
    } = parseMetrics(
      bytesOf(`${step(1, { auc: null })}\n${step(2)}\nno record\n[1]\n${step(3, { auc: 0.5, late: 1 })}\n`)
    )
    expect(steps.columns.get('auc')).toEqual([NaN, NaN, 0.5])
    expect(steps.columns.get('late')).toEqual([NaN, NaN, 1])
    for (const column of steps.columns.values()) expect(column).toHaveLength(3)
    expect(held.steps).toEqual([])
    expect(unreadable).toBe(2)
  })

  it('tells how long training took until each step', () => {
    expect(
      secondsUntil(parseMetrics(bytesOf(`${step(1)}\n${step(2, { seconds: null })}\n${step(3)}\n`)).steps)
    ).toEqual([0.5, 0.5, 1])
  })
})

describe('thinning', () => {
  const values = fc.array(fc.oneof(fc.integer({ min: -999, max: 999 }), fc.constant(NaN)), { maxLength: 60 })

  it('keeps every finite number in one bucket, their sum, the least and the largest', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 20 }), (all, most) => {
        const steps = all.map((_, i) => i + 1)
        const buckets = thinned(steps, all, most)
        const finite = all.filter(Number.isFinite)
        expect(buckets.length).toBeLessThanOrEqual(most)
        expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(finite.length)
        expect(buckets.reduce((sum, { mean, count }) => sum + mean * count, 0)).toBeCloseTo(
          finite.reduce((sum, x) => sum + x, 0),
          6
        )
        if (finite.length === 0) return
        expect(Math.min(...buckets.map(({ low }) => low))).toBe(Math.min(...finite))
        expect(Math.max(...buckets.map(({ high }) => high))).toBe(Math.max(...finite))
        buckets.forEach(({ low, mean, high }) => {
          expect(low).toBeLessThanOrEqual(mean + 1e-9)
          expect(mean).toBeLessThanOrEqual(high + 1e-9)
        })
        // In order, and none over another.
        buckets.slice(1).forEach(({ from }, i) => expect(from).toBeGreaterThan(buckets[i].to))
      })
    )
  })

  it('changes nothing that is few enough', () => {
    expect(thinned([1, 2], [5, 7], 2)).toEqual([
      { from: 1, to: 1, mean: 5, low: 5, high: 5, count: 1 },
      { from: 2, to: 2, mean: 7, low: 7, high: 7, count: 1 }
    ])
  })
})

describe('names of runs', () => {
  it('are the shortest ends that differ, and differ always', () => {
    expect(namesOf(['/a/runs/tiny', '/a/runs/mlm'])).toEqual(['tiny', 'mlm'])
    expect(namesOf(['/a/one/trial-1', '/a/two/trial-1'])).toEqual(['one/trial-1', 'two/trial-1'])
    expect(namesOf(['/a/runs/tiny', '/a/runs/mlm', '/a/runs/tiny'])).toEqual(['tiny', 'mlm', 'tiny (2)'])
    const part = fc.constantFrom('a', 'b', 'c')
    fc.assert(
      fc.property(fc.array(fc.array(part, { minLength: 1, maxLength: 3 }), { maxLength: 5 }), (paths) => {
        const names = namesOf(paths.map((parts) => `/${parts.join('/')}`))
        expect(new Set(names).size).toBe(paths.length)
      })
    )
  })
})

describe('durations', () => {
  it.each([
    [9.4, '9.4 s'],
    [9.96, '10 s'],
    [59.6, '1 min 0 s'],
    [3599, '59 min 59 s'],
    [3600, '1 h 0 min'],
    [7170, '2 h 0 min'],
    [7169, '1 h 59 min']
  ])('of %s seconds: %s', (seconds, shown) => {
    expect(duration(seconds)).toBe(shown)
  })
})

describe('the report of runs', () => {
  it('draws numbers of one name, where they mean something else, apart, each under its own', () => {
    const of = (objective: string): RunData =>
      run(objective, [heldOut(1), heldOut(2)], { config: JSON.stringify({ objective }) })
    const titlesOf = (runs: ReadonlyArray<RunData>): ReadonlyArray<string> =>
      runsReport(runs).blocks.flatMap((block) =>
        block._tag === 'Figures' ? block.figures.map(({ title }) => title) : []
      )
    expect(titlesOf([of('electric')])).toContain('AUC of the classifier, held out')
    expect(titlesOf([of('electra'), of('electra')])).toContain('discriminator AUC, held out')
    expect(titlesOf([of('electra'), of('electric')])).toEqual(
      expect.arrayContaining(['discriminator AUC of electra, held out', 'AUC of the classifier of electric, held out'])
    )
  })

  it('shows rates that are small', () => {
    const small = run('small', [step(1, { learningRate: 2.3e-7 })])
    expect(markdownOf(runsReport([small]))).toContain('2.30e-7')
  })

  const lines = [1, 2, 3].flatMap((n) => [step(n), ...(n === 2 ? [heldOut(n)] : [])])

  it('draws what each run has over the others, by their names', () => {
    const { blocks } = runsReport([run('one', lines), run('two', lines.slice(0, 2))])
    const figures = blocks.flatMap((block) => (block._tag === 'Figures' ? block.figures : []))
    expect(figures.map(({ title }) => title)).toEqual([
      'loss, held out',
      'discriminator AUC, held out',
      'loss',
      'tokens/s'
    ])
    const [, , loss, speed] = figures
    expect(loss.numbers.rows).toEqual([
      ['one', '1', '9.9900', '9.9900', '9.9900'],
      ['one', '2', '9.9800', '9.9800', '9.9800'],
      ['one', '3', '9.9700', '9.9700', '9.9700'],
      ['two', '1', '9.9900', '9.9900', '9.9900'],
      ['two', '2', '9.9800', '9.9800', '9.9800']
    ])
    expect(speed.numbers.rows[0].slice(2)).toEqual(['128', '128', '128'])
  })

  it('says which is not finished, and of one that has only begun that nothing is there', async () => {
    const document = runsReport([run('one', lines), run('new', [])])
    const html = await htmlOf(document)()
    expect(html).toMatch(/<code>one<\/code> <strong>is not finished<\/strong>: 3 steps so far, 1\.5 s/)
    expect(html).toContain('new: what was learnt: nothing has been evaluated yet')
    expect(html.replace(/<style>[^]*?<\/style>/, '')).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('is the same bytes for the same runs', async () => {
    const page = () => htmlOf(runsReport([run('one', lines)]))()
    expect(await page()).toBe(await page())
  })

  it('marks what was replaced and what is suspected, and shows pieces as they are', async () => {
    const token = (piece: string, more: object = {}) => ({ piece, probability: 0.1, isFlagged: false, ...more })
    const samples = {
      sentences: [
        [
          token('a'),
          token('<b>', { original: '##c' }),
          token('##d', { isFlagged: true }),
          token('e', { original: 'f', isFlagged: true })
        ]
      ],
      replaced: 2,
      found: 1,
      tokens: 4
    }
    const document = runsReport([run('one', lines, { samples })])
    expect(await htmlOf(document)()).toContain(
      '<p class="sentence">a <ins>&lt;b&gt;</ins><s>c</s><mark>d</mark> <ins><mark>e</mark></ins><s>f</s></p>'
    )
    expect(markdownOf(document)).toContain('> a &lt;b&gt; ~~c~~**d** **e** ~~f~~')
  })
})

describe('events of a run', () => {
  it('stand in the order of steps, each when it was measured', () => {
    const { begunAt, events } = eventsOf(run('one', [step(1), step(2), heldOut(2), step(3)]), 1000)
    expect(begunAt).toBe(998.5)
    expect(events.map(({ step: at, wallTime, scalars }) => [at, wallTime, scalars[0][0]])).toEqual([
      [1, 999, 'train/loss'],
      [2, 999.5, 'train/loss'],
      [2, 999.5, 'held-out/loss'],
      [3, 1000, 'train/loss']
    ])
  })
})
