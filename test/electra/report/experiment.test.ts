import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Declaration } from '../../../src/electra/experiment/declaration.js'
import type { ExperimentResults } from '../../../src/electra/report/experiment/results.js'
import type { Block, Document, Table, Text } from '../../../src/electra/report/document.js'
import { allComparisons, level } from '../../../src/electra/report/experiment/comparisons.js'
import { experimentReport } from '../../../src/electra/report/experiment/report.js'
import { htmlOf } from '../../../src/electra/report/pages/html.js'
import { markdownOf } from '../../../src/electra/report/pages/markdown.js'
import { holm } from '../../../src/electra/statistics/corrected.js'
import { deviation, mean } from '../../../src/electra/statistics/moments.js'
import { compared, leastBootstrapP } from '../../../src/electra/statistics/paired.js'
import { declared, falling, resultsOf, type ScoreOf } from './results.js'

const textOf = (text: Text): string =>
  text.map((part) => (typeof part === 'string' ? part : 'code' in part ? part.code : part.strong)).join('')

const leadOf = ({ blocks }: Document): string =>
  blocks.map((block) => (block._tag === 'Lead' ? textOf(block.text) : '')).join('')

const tablesOf = ({ blocks }: Document): ReadonlyArray<Table> =>
  blocks.flatMap((block) =>
    block._tag === 'Table' ? [block.table] : block._tag === 'Figures' ? block.figures.map(({ numbers }) => numbers) : []
  )

const tableNamed = (document: Document, start: string): Table => {
  const found = tablesOf(document).find(({ caption }) => caption.startsWith(start))
  if (found === undefined) throw new Error(`no table ${start}`)
  return found
}

const cell = ({ columns, rows }: Table, title: string, is: (row: ReadonlyArray<string>) => boolean): string => {
  const row = rows.find(is)
  if (row === undefined) throw new Error('no such row')
  return row[columns.findIndex((column) => column.title === title)]
}

/** Some way from each other, and from any other arm's. */
const near = [0.001, -0.002, 0.0005, 0.0021, -0.0013]

/** ELECTRA is so far ahead, by seeds that vary a little; trials differ by 0.002. */
const ahead =
  (by: number, noise = 1): ScoreOf =>
  (arm, _task, place) => {
    const base =
      0.8 +
      0.01 * place +
      (arm === 'electra' ? by + noise * near[place] : arm === 'untrained' ? -0.1 - noise * near[(place + 2) % 5] : 0)
    return [base - 0.001, base + 0.001]
  }

describe('what a report says of its experiment', () => {
  const sectionsOf = (about: ReadonlyArray<string>): string =>
    markdownOf(experimentReport(resultsOf({ declaration: declared({ about }), scoreOf: ahead(0.05) })))

  it('is what its declaration says, between what was found and the scores', () => {
    const text = sectionsOf(['Budgets are those of the pilots.', 'Two paragraphs.'])
    expect(text).toMatch(
      /wins[^]*\n## The experiment\n\nBudgets are those of the pilots\.\n\nTwo paragraphs\.\n\n## Scores\n/
    )
  })

  it('is nothing where it says nothing', () => {
    expect(sectionsOf([])).not.toContain('The experiment\n')
  })
})

describe('weights that were never trained', () => {
  it('are compared with what has their architecture, which is of the first size', () => {
    const declaration = declared({ sizes: { narrow: {}, wide: { 'model.hiddenSize': 32 } } })
    const against = allComparisons(resultsOf({ declaration, scoreOf: () => [0.5] })).filter(
      ({ against: other }) => other === 'untrained'
    )
    expect(against.map(({ arm }) => arm)).toEqual(['electra-narrow', 'mlm-narrow'])
  })
})

describe('the first sentence of a report', () => {
  it('says that replaced token detection wins where it does', () => {
    expect(leadOf(experimentReport(resultsOf({ scoreOf: ahead(0.05) })))).toMatch(
      /^Replaced token detection wins\. electra is ahead of mlm on subj by 5\.0\d points \(95 % interval of this alone \+4\.\d\d to \+5\.\d\d, p 0\.0\d+ corrected for 3 comparisons, 5 seeds\)\./
    )
  })

  it('says first that it does not, where it is behind', () => {
    expect(leadOf(experimentReport(resultsOf({ scoreOf: ahead(-0.05) })))).toMatch(
      /^Replaced token detection does not win at this scale: of 1 comparison it is behind in 1\. electra is behind mlm on subj by 4\.9\d points/
    )
  })

  it('says first that it does not, where nothing can be told apart', () => {
    expect(leadOf(experimentReport(resultsOf({ scoreOf: ahead(0.001, 30) })))).toMatch(
      /^Replaced token detection does not win at this scale: it cannot be told apart from its rival\. electra and mlm cannot be told apart on subj/
    )
  })

  it('takes its side where it is itself the baseline', () => {
    const declaration = declared({ baseline: 'electra' })
    const lead = leadOf(experimentReport(resultsOf({ declaration, scoreOf: ahead(0.05) })))
    expect(lead).toMatch(/^Replaced token detection wins\. mlm is behind electra on subj by/)
  })

  it('says how many of several it wins', () => {
    const declaration = declared({
      tasks: Object.fromEntries(
        ['a', 'b'].map((name) => [name, { task: 'cola', metric: 'matthews', rates: [1e-4], trials: 2 }])
      )
    })
    const scoreOf: ScoreOf = (arm, task, place) => ahead(task === 'a' ? 0.05 : -0.05)(arm, task, place)
    expect(leadOf(experimentReport(resultsOf({ declaration, scoreOf })))).toMatch(
      /^Replaced token detection wins in 1 of 2 comparisons; it is behind in 1\. electra is ahead of mlm on a .* electra is behind mlm on b/
    )
  })

  it('counts what has too few seeds apart', () => {
    const tasks = Object.fromEntries(
      ['a', 'b'].map((name) => [name, { task: 'cola', metric: 'matthews', rates: [1e-4], trials: 2 }])
    )
    const scoreOf: ScoreOf = (arm, task, place) =>
      task === 'b' && arm === 'mlm' && place > 2 ? 'broke' : ahead(0.05)(arm, task, place)
    expect(leadOf(experimentReport(resultsOf({ declaration: declared({ tasks }), scoreOf })))).toMatch(
      /^Replaced token detection wins in 1 of 2 comparisons; it is of too few seeds to say in 1\. /
    )
  })

  it('claims nothing of so few seeds that nothing could be claimed, whatever the difference', () => {
    const scoreOf: ScoreOf = (arm, task, place) => ahead(10)(arm, task, place)
    for (const seeds of [
      [1, 2],
      [1, 2, 3],
      [1, 2, 3, 4]
    ]) {
      const document = experimentReport(resultsOf({ declaration: declared({ seeds }), scoreOf }))
      const isEnough = 3 * leastBootstrapP(seeds.length) < level
      const lead = leadOf(document)
      expect(/^With \d seeds and 3 comparisons no difference can be claimed, however large/.test(lead)).toBe(!isEnough)
      expect(/wins/.test(lead)).toBe(isEnough)
      expect(lead).not.toMatch(/∞|cannot be told apart/)
      if (!isEnough) {
        expect(lead).toMatch(/electra − mlm on subj: \+(1000|999)\.\d\d points \(95 % interval of this alone \+\d/)
        expect(markdownOf(document)).toContain('Its mean is higher on `subj` in 2 of 2.')
      }
    }
  })

  it('has nothing to compare of the baseline alone', () => {
    const declaration = declared({ objectives: { mlm: {} } })
    expect(leadOf(experimentReport(resultsOf({ declaration, scoreOf: ahead(0) })))).toMatch(
      /^There is nothing to compare with the baseline: it is all/
    )
  })

  it.each([
    ['one seed', declared({ seeds: [1] }), ahead(0.05)],
    ['nothing done', declared(), () => undefined],
    ['everything failed', declared(), () => 'the loss is NaN']
  ] as const)('says nothing of %s', (_, declaration, scoreOf) => {
    const lead = leadOf(experimentReport(resultsOf({ declaration, scoreOf })))
    expect(lead).toMatch(/^Nothing can be said of replaced token detection/)
    expect(lead).toMatch(/The table of differences has \d+\.$/)
  })

  it('claims what both corrected p-values allow, and nothing else', () => {
    const scores = fc.array(fc.integer({ min: -30, max: 60 }), { minLength: 15, maxLength: 15 })
    fc.assert(
      fc.property(scores, (thousandths) => {
        const arms = ['electra', 'mlm', 'untrained']
        const results = resultsOf({
          scoreOf: (arm, _, place) => [0.7 + thousandths[5 * arms.indexOf(arm) + place] / 1000],
          declaration: declared({ tuning: { rates: [1e-3], seed: 9 } })
        })
        const valuesOf = (arm: string) =>
          [0, 1, 2, 3, 4].map((i) => 0.7 + thousandths[5 * arms.indexOf(arm) + i] / 1000)
        const family = [
          ['electra', 'mlm'],
          ['electra', 'untrained'],
          ['mlm', 'untrained']
        ].map(([a, b]) => compared(valuesOf(a), valuesOf(b)))
        const [bootstrap, student] = (['bootstrap', 'student'] as const).map((by) => holm(family.map((f) => f[by].p)))
        const isClaimed = bootstrap[0] < level && student[0] < level
        const lead = leadOf(experimentReport(results))
        expect(/is (ahead of|behind) mlm/.test(lead)).toBe(isClaimed)
        expect(lead.includes('wins')).toBe(isClaimed && family[0].difference > 0)
        expect(lead.includes('cannot be told apart')).toBe(!isClaimed)
      }),
      { numRuns: 25 }
    )
  })
})

describe('what an arm is compared with', () => {
  it('is the baseline of its size and budget, with a generator as wide, and among those the one of a quarter', () => {
    const againstOf = (declaration: Declaration) =>
      Object.fromEntries(
        allComparisons(resultsOf({ declaration, scoreOf: () => undefined })).map(({ arm, against }) => [arm, against])
      )
    const only = { untrained: false, budgets: [{ steps: 10 }] }
    const sizes = {
      objectives: { electra: {}, 'electra-15': {} },
      baseline: 'electra',
      generatorSizes: [0.125, 0.25, 1]
    }
    expect(againstOf(declared({ ...only, ...sizes }))).toEqual({
      'electra-g0.125': 'electra-g0.25',
      'electra-g1': 'electra-g0.25',
      'electra-15-g0.125': 'electra-g0.125',
      'electra-15-g0.25': 'electra-g0.25',
      'electra-15-g1': 'electra-g1'
    })
    expect(againstOf(declared({ ...only, budgets: [{ steps: 10 }, { steps: 20 }], sizes: { a: {}, b: {} } }))).toEqual({
      'electra-a-b1': 'mlm-a-b1',
      'electra-a-b2': 'mlm-a-b2',
      'electra-b-b1': 'mlm-b-b1',
      'electra-b-b2': 'mlm-b-b2'
    })
  })
})

describe('scores', () => {
  it('are points, whether a scorer gives fractions or percent', () => {
    const of = (task: string, score: number): string => {
      const tasks = { it: { task, data: 'a', metric: 'accuracy', rates: [1e-4], trials: 1 } }
      const document = experimentReport(resultsOf({ declaration: declared({ tasks }), scoreOf: () => [score] }))
      expect(cell(tableNamed(document, 'All 15 fine-tunings'), 'scores of its trials, points', () => true)).toBe(
        '81.25'
      )
      return cell(tableNamed(document, 'Scores on it: accuracy, points'), 'mean ± deviation', ([arm]) => arm === 'mlm')
    }
    expect(of('sst', 0.8125)).toBe('81.25 ± 0.00')
    expect(of('pos', 81.25)).toBe('81.25 ± 0.00')
  })
})

describe('contrasts', () => {
  const objectives = { electra: {}, 'electra-15': {}, mlm: {} }
  const withContrasts = (...contrasts: ReadonlyArray<readonly [string, string]>) =>
    resultsOf({
      declaration: declared({ objectives, untrained: false, ...(contrasts.length > 0 ? { contrasts } : {}) }),
      // Neither of the others is where the baseline is.
      scoreOf: (arm, task, place) =>
        arm === 'electra-15' ? [0.82 + 0.01 * place + near[(place + 1) % 5]] : ahead(0.05)(arm, task, place)
    })

  it('are comparisons beside those with the baseline, and corrected with them', () => {
    const without = allComparisons(withContrasts())
    const found = allComparisons(withContrasts(['electra', 'electra-15']))
    expect(without.map(({ total }) => total)).toEqual([2, 2])
    expect(found.map(({ kind, arm, against, total }) => [kind, arm, against, total])).toEqual([
      ['baseline', 'electra', 'mlm', 3],
      ['baseline', 'electra-15', 'mlm', 3],
      ['contrast', 'electra', 'electra-15', 3]
    ])
    expect(found[0].corrected.bootstrap).toBeGreaterThan(without[0].corrected.bootstrap)
    expect(found[2].comparison.difference).toBeCloseTo(3, 1)
    const [, , turned] = allComparisons(withContrasts(['electra-15', 'electra']))
    expect(turned.comparison.difference).toBe(-found[2].comparison.difference)
  })

  it('are none where they are with the baseline, on whichever side', () => {
    for (const pair of [
      ['electra', 'mlm'],
      ['mlm', 'electra']
    ] as const)
      expect(allComparisons(withContrasts(pair))).toEqual(allComparisons(withContrasts()))
  })

  it('are said and drawn, and count for no victory over the baseline', () => {
    const [plain, more] = [withContrasts(), withContrasts(['electra', 'electra-15'])].map(experimentReport)
    const wins = (document: Document) => /^Replaced token detection [^:.]*/.exec(leadOf(document))?.[0]
    expect(wins(more)).toBe(wins(plain))
    const text = markdownOf(more)
    expect(text).toMatch(/Planned contrasts, .*:\n\n- `electra` is ahead of `electra-15` on `subj` by 3\.0\d points/)
    expect(text).toContain('Numbers: contrasts on subj')
    expect(markdownOf(plain)).not.toMatch(/[Cc]ontrast/)
  })
})

describe('the tables of a report', () => {
  const results = resultsOf({ scoreOf: ahead(0.02, 4) })
  const document = experimentReport(results)
  const bySeed = (arm: string) =>
    [0, 1, 2, 3, 4].map((place) =>
      mean((ahead(0.02, 4)(arm, 'subj', place) as ReadonlyArray<number>).map((x) => 100 * x))
    )

  it('have the mean and the deviation over seeds, after trials are averaged', () => {
    for (const arm of ['electra', 'mlm', 'untrained']) {
      const values = bySeed(arm)
      expect(cell(tableNamed(document, 'Scores'), 'mean ± deviation', (row) => row[0] === arm)).toBe(
        `${mean(values).toFixed(2)} ± ${deviation(values).toFixed(2)}`
      )
    }
    expect(cell(tableNamed(document, 'Scores'), 'mean ± deviation', ([arm]) => arm === 'the most frequent label')).toBe(
      '50.00'
    )
  })

  it('have what the statistics give for the pairs, corrected over all of them', () => {
    const family = [
      ['electra', 'mlm'],
      ['electra', 'untrained'],
      ['mlm', 'untrained']
    ]
    const found = family.map(([a, b]) => compared(bySeed(a), bySeed(b)))
    const corrected = holm(found.map(({ bootstrap }) => bootstrap.p))
    family.forEach(([arm, against], i) => {
      const of = (title: string) =>
        cell(tableNamed(document, 'Differences, paired'), title, (row) => row[1] === arm && row[2] === against)
      const plain = (text: string) => Number(text.replace('−', '-').replace('+', ''))
      expect(plain(of('difference'))).toBeCloseTo(found[i].difference, 2)
      expect(of('p, bootstrap')).toBe(found[i].bootstrap.p.toFixed(4))
      expect(of('corrected')).toBe(corrected[i].toFixed(4))
      expect(of('p, sign flips')).toBe(found[i].signFlip.p.toFixed(4))
      expect(plain(of("Hedges's g"))).toBeCloseTo(found[i].effect, 1)
      const [low, high] = of("95 %, Student's").split(' to ').map(plain)
      expect(low).toBeCloseTo(found[i].student.low, 2)
      expect(high).toBeCloseTo(found[i].student.high, 2)
    })
  })

  it('pair by seed, whatever else is missing', () => {
    const some = resultsOf({
      scoreOf: (arm, task, place) => (arm === 'mlm' && place === 1 ? 'broke' : ahead(0.02, 4)(arm, task, place))
    })
    const [first] = allComparisons(some)
    const kept = (arm: string) => bySeed(arm).filter((_, i) => i !== 1)
    expect(first.comparison).toEqual(compared(kept('electra'), kept('mlm')))
  })

  it('have nothing of what only served to choose rates', () => {
    const [trial, run] = [results.trials[0], results.runs[0]]
    const tuning = { ...trial, id: 'tune-1', isTuning: true, outcome: { _tag: 'Done', scores: [0.1] } } as const
    const more = {
      ...results,
      trials: [...results.trials, tuning],
      runs: [
        ...results.runs,
        { ...run, id: 'tune', isTuning: true, curve: [{ ...run.curve[0], numbers: { maskedLmLoss: 99 } }] }
      ]
    }
    expect(allComparisons(more)).toEqual(allComparisons(results))
    const shown = experimentReport(more)
    for (const name of ['Scores', 'masked-LM loss, held out', 'The plateau, run by run'])
      expect(tableNamed(shown, name)).toEqual(tableNamed(document, name))
  })

  it('leave a trial that is no number out, and count it', () => {
    const some = experimentReport(
      resultsOf({
        scoreOf: (arm, task, place) => (arm === 'mlm' && place === 1 ? [NaN, 0.8] : ahead(0.02)(arm, task, place))
      })
    )
    const of = (title: string) => cell(tableNamed(some, 'Scores'), title, (row) => row[0] === 'mlm')
    expect([of('seeds'), of('failed')]).toEqual(['4', '1'])
    expect(
      tablesOf(some)
        .flatMap(({ rows }) => rows.flat())
        .filter((text) => /NaN|undefined|Infinity/.test(text))
    ).toEqual([])
  })

  it('have a row for every run and every fine-tuning, and as many cells as columns', () => {
    expect(tableNamed(document, 'All 10 pre-training runs').rows).toHaveLength(10)
    expect(tableNamed(document, 'All 15 fine-tunings').rows).toHaveLength(15)
    for (const { columns, rows } of tablesOf(document)) rows.forEach((row) => expect(row).toHaveLength(columns.length))
  })
})

const listsOf = ({ blocks }: Document): string =>
  blocks.flatMap((block) => (block._tag === 'List' ? block.items.map(textOf) : [])).join('\n')

describe('what a reader is warned of', () => {
  it('runs that failed, with their reasons', () => {
    const document = experimentReport(
      resultsOf({
        scoreOf: ahead(0.02),
        failureOf: (arm, place) => (arm === 'electra' && place === 3 ? 'the loss was NaN at step 12' : undefined)
      })
    )
    expect(listsOf(document)).toMatch(/1 job failed/)
    expect(listsOf(document)).toMatch(/electra-s4: the loss was NaN at step 12/)
    // Its last evaluations are in no mean.
    const curve = tableNamed(document, 'masked-LM loss, held out')
    expect(cell(curve, 'seeds', (row) => row[0] === 'electra')).toBe('4')
  })

  it('runs that never left the plateau, run by run', () => {
    const stuck = experimentReport(
      resultsOf({
        scoreOf: ahead(0.02),
        losses: (arm, place) => (arm === 'mlm' && place === 0 ? [6, 5.2, 5.11] : falling(arm, place))
      })
    )
    expect(listsOf(stuck)).toMatch(/1 of 10 runs never left the plateau/)
    expect(cell(tableNamed(stuck, 'The plateau, run by run'), 'first step below', ([id]) => id === 'mlm-s1')).toBe(
      'never'
    )
    const first = falling('mlm', 1).findIndex((loss) => loss < 5.1)
    expect(cell(tableNamed(stuck, 'The plateau, run by run'), 'first step below', ([id]) => id === 'mlm-s2')).toBe(
      String(40 * (first + 1))
    )
  })

  it('how rates came to be: chosen, or declared', () => {
    const tuningIn = (change: object): string => {
      const text = markdownOf(experimentReport(resultsOf({ declaration: declared(change), scoreOf: ahead(0.05) })))
      return text.slice(text.indexOf('## Tuning'), text.indexOf('## Reviewers, 1'))
    }
    const one = { task: 'subj', data: 'a', metric: 'accuracy', rates: [1e-4], trials: 2 }
    const chosen = tuningIn({ tuning: { rates: [1e-3, 2e-3], seed: 9, trials: 2 } })
    expect(chosen).toMatch(/to choose from \(0\.001, 0\.002\), by runs with seed 9/)
    expect(chosen).toMatch(/were chosen for each objective on subj, by 2 trials each/)
    const given = tuningIn({ tuning: { rates: [1e-3], seed: 9 }, tasks: { subj: one } })
    expect(given).toMatch(/at one rate, 0\.001, which was declared/)
    expect(given).toMatch(/each task has one rate, which was declared/)
    expect(given).not.toMatch(/chosen for|seed 9/)
  })

  it('the paper beside ours, of each objective', () => {
    const declaration = declared({ objectives: { electra: {}, 'electra-15': {}, mlm: {} } })
    const scoreOf: ScoreOf = (arm) => [arm === 'electra-15' ? 0.25 : 0.5]
    const rows = tableNamed(
      experimentReport(resultsOf({ declaration, scoreOf })),
      'The paper (GLUE dev, Base, table 5)'
    )
    expect(rows.rows.map((row) => row.slice(0, 4))).toEqual([
      ['BERT', '82.2', 'mlm', '50.00 ± 0.00'],
      ['ELECTRA 15 %', '82.4', 'electra-15', '25.00 ± 0.00'],
      ['Replace MLM', '82.4', '–', '–'],
      ['All-Tokens MLM', '84.3', '–', '–'],
      ['ELECTRA', '85.0', 'electra', '50.00 ± 0.00'],
      ['weights never trained', '–', 'untrained', '50.00 ± 0.00']
    ])
  })

  it('a task on which nothing that was pre-trained is above what was not', () => {
    const document = (untrained: number) =>
      markdownOf(experimentReport(resultsOf({ scoreOf: (arm) => [arm === 'untrained' ? untrained : 0.5] })))
    const words =
      'Where no arm is higher than what was never trained (`subj`), scores do not say which pre-training is better.'
    expect(document(0.4)).not.toContain(words)
    expect(document(0.6)).toContain(words)
  })

  it('a network that is no better than a guess by any of its numbers, and what is executed otherwise than counted', () => {
    const results = resultsOf({ scoreOf: ahead(0.02) })
    const document = (accuracy: number, loss: number, executed: number): string => {
      const count = (run: number) => ({ step: run / 400, run })
      const runs = results.runs.map((run) =>
        run.report === undefined
          ? run
          : {
              ...run,
              report: {
                ...run.report,
                compute: {
                  published: count(1e12),
                  sparse: count(1e12),
                  executed: count(run.arm === 'electra' ? executed : 1e12)
                },
                ...(run.arm === 'electra'
                  ? {
                      heldOut: { ...run.report.heldOut, discriminatorAccuracy: accuracy, discriminatorLoss: loss },
                      baselines: {
                        ...run.report.baselines,
                        discriminatorAccuracy: { noContext: 0.9 },
                        discriminatorLoss: { noContext: 0.3 }
                      }
                    }
                  : {})
              }
            }
      )
      return markdownOf(experimentReport({ ...results, runs }))
    }
    const guesses = '**The network of electra is no better than a guess without context**'
    const operations = '**Budgets are equal as they are declared, and not as executed.**'
    expect(document(0.9, 0.3, 1e12)).toContain(guesses)
    expect(document(0.9, 0.29, 1e12)).not.toContain(guesses)
    expect(document(0.91, 0.3, 1e12)).not.toContain(guesses)
    expect(document(0.91, 0.3, 1.04e12)).not.toContain(operations)
    expect(document(0.91, 0.3, 0.5e12)).toContain(`${operations} \`electra\` executed 0.50 times`)
    expect(document(0.91, 0.29, 1e12)).toContain('| electra | discriminator loss | 0.2900 | 0.3000 |')
  })

  it('a rate at the edge of what was tried, and an experiment that is not finished', () => {
    const lists = listsOf(experimentReport(resultsOf({ scoreOf: ahead(0.02), isComplete: false })))
    expect(lists).toMatch(/lowest or highest that was tried for mlm:/)
    expect(lists).toMatch(/not finished: 10 of 10 pre-training runs/)
  })
})

const figuresOf = ({ blocks }: Document) =>
  blocks.flatMap((block: Block) => (block._tag === 'Figures' ? block.figures : []))

describe('the charts of a report', () => {
  it('have every point that they draw in the numbers below them', () => {
    const document = experimentReport(
      resultsOf({
        declaration: declared({ generatorSizes: [0.125, 0.25, 1], budgets: [{ steps: 10 }, { steps: 20 }] }),
        scoreOf: (arm, task, place) => ahead(0.02)(arm.startsWith('electra') ? 'electra' : arm, task, place)
      })
    )
    const titles = figuresOf(document).map(({ title }) => title)
    expect(titles).toEqual(
      expect.arrayContaining([
        "subj against the generator's width",
        'subj against operations',
        'discriminator AUC against time'
      ])
    )
    for (const { chart, numbers } of figuresOf(document))
      expect(numbers.rows).toHaveLength(
        chart._tag === 'Lines' ? chart.series.reduce((sum, { points }) => sum + points.length, 0) : chart.rows.length
      )
  })

  it('draw numbers that mean other things apart, though they have one name', () => {
    const declaration = declared({ objectives: { electra: {}, 'electra-15': {}, mlm: {} } })
    const results = resultsOf({ declaration, scoreOf: () => [0.5, 0.6] })
    const captions = tablesOf(experimentReport(results)).map(({ caption }) => caption)
    expect(captions).toContain('discriminator loss of electra, held out: means over seeds')
    expect(captions).toContain('discriminator loss of electra-15, held out: means over seeds')
    expect(captions).toContain('masked-LM loss, held out: means over seeds')
  })

  it('compare no sums of different losses', () => {
    const titles = figuresOf(experimentReport(resultsOf({ scoreOf: ahead(0.02) }))).map(({ title }) => title)
    expect(titles.filter((title) => title.startsWith('loss'))).toEqual([])
  })
})

const pagesOf = async (results: ExperimentResults) => {
  const document = experimentReport(results)
  return { html: await htmlOf(document)(), markdown: markdownOf(document) }
}

describe('the pages of a report', () => {
  it('are the same bytes for the same results', async () => {
    const results = resultsOf({ scoreOf: ahead(0.02) })
    expect(await pagesOf(structuredClone(results))).toEqual(await pagesOf(results))
  })

  it.each([
    ['nothing done', resultsOf({ scoreOf: () => undefined, losses: () => [], isComplete: false })],
    ['all failed', resultsOf({ scoreOf: () => 'broke', failureOf: () => 'broke' })],
    ['one seed', resultsOf({ declaration: declared({ seeds: [1] }), scoreOf: ahead(0) })],
    ['the baseline alone', resultsOf({ declaration: declared({ objectives: { mlm: {} } }), scoreOf: ahead(0) })],
    ['losses that are no numbers', resultsOf({ scoreOf: ahead(0), losses: () => [NaN, 5, NaN, Infinity] })]
  ])('are there for %s, and say no NaN', async (_, results) => {
    const { html, markdown } = await pagesOf(results)
    expect(html).toContain('</html>')
    expect(html.replace(/<style>[^]*?<\/style>/, '')).not.toMatch(/NaN|undefined|Infinity/)
    expect(markdown).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('need nothing from anywhere', async () => {
    const { html } = await pagesOf(resultsOf({ scoreOf: ahead(0.02) }))
    expect(html).not.toMatch(/<script|<link|<img|<iframe|\bon\w+=|@import|url\(/)
    expect(html.match(/(src|href)="[^"#]/g)).toBeNull()
  })

  it('show names and reasons as they are, and obey none', async () => {
    const evil = `</td><script>alert("1")</script> & | ~~a~~ \`b\` [c](d) <img src=x onerror='x'>`
    const { html, markdown } = await pagesOf({
      ...resultsOf({ scoreOf: (_, __, place) => (place === 0 ? evil : [0.5, 0.6 + place / 100]) }),
      command: evil
    })
    expect(html).not.toMatch(/<script|<img|<td><script/)
    expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; | ~~a~~')
    expect(markdown).not.toMatch(/<script|<img|(?<!\\)\[c\]/)
    // A bar of a name ends no cell.
    for (const line of markdown.split('\n').filter((text) => text.startsWith('| command')))
      expect(line.match(/(?<!\\)\|/g)).toHaveLength(3)
  })
})
