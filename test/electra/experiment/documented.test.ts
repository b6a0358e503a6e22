/** What the documentation says of declarations, held to what they are. */

import { readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { checkDeclaration, parseDeclaration, type Declaration } from '../../../src/electra/experiment/declaration.js'
import { level } from '../../../src/electra/report/experiment/comparisons.js'
import { leastBootstrapP } from '../../../src/electra/statistics/paired.js'
import { mrqaTasks } from '../../../src/electra/tasks/families/span.js'
import { tasks } from '../../../src/electra/tasks/table.js'
import { right } from '../data/right.js'

const text = readFileSync(new URL('../../../docs/declarations.md', import.meta.url), 'utf8')

const example = /```json\n([^]*?)```/.exec(text)?.[1] ?? ''

/** The table of keys, and that of metrics. */
const [keysTable, metricsTable] = text.split('In brackets stands')

type Whole = Required<Omit<Declaration, 'tuning' | 'tasks'>> & {
  readonly tuning: Required<Declaration['tuning']>
  readonly tasks: { readonly NAME: Required<Declaration['tasks'][string]> }
}

/** With every key that there is, or it does not compile. */
const whole: Whole = {
  name: 'whole',
  about: ['All of it.'],
  corpus: 'sample',
  config: 'nano',
  set: {},
  objectives: { electra: { objective: 'electra' }, mlm: { objective: 'mlm' } },
  baseline: 'electra',
  contrasts: [['electra', 'mlm']],
  sizes: { narrow: {} },
  generatorSizes: [1],
  budgets: [{ steps: 1 }],
  seeds: [1],
  tuning: { rates: [1e-3], seed: 2, budget: { steps: 1 }, trials: 1, tasks: ['NAME'] },
  tasks: { NAME: { task: 'sst', data: 'SST-2', options: {}, metric: 'accuracy', rates: [1e-4], trials: 1 } },
  untrained: false
}

const keysOf = (value: object): ReadonlyArray<string> => Object.keys(value)

describe('the documentation of declarations', () => {
  it('begins with one that is right', () => {
    expect(right(parseDeclaration(example))).toMatchObject({ name: 'masking', untrained: true })
  })

  it('has every key, and none that is none', () => {
    expect(E.isRight(checkDeclaration(whole))).toBe(true)
    const { tuning, tasks, ...rest } = whole
    const expected = [
      ...keysOf(rest),
      ...keysOf(tuning).map((key) => `tuning.${key}`),
      ...keysOf(tasks.NAME).map((key) => `tasks.NAME.${key}`)
    ]
    const documented = [...keysTable.matchAll(/^\| `([^`]+)`/gm)].map(([, key]) => key)
    expect([...documented].sort()).toEqual([...expected].sort())
  })

  it('has metrics of every task of its own, and none that is none', () => {
    const rows = metricsTable.split('\n').filter((line) => line.startsWith('| `'))
    const quoted = (cell: string): ReadonlyArray<string> => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name)
    const documented = new Map(
      rows.flatMap((row) => {
        const [, names, metrics] = row.split('|')
        return quoted(names).map((name) => [name, quoted(metrics).filter((metric) => !metric.endsWith('_'))] as const)
      })
    )
    for (const { name, metrics, about } of tasks) {
      if (!documented.has(name)) expect(mrqaTasks.map((task) => task.about)).toContain(about)
      else expect(metrics).toEqual(expect.arrayContaining([...(documented.get(name) ?? [])]))
    }
  })

  it('says how many comparisons seeds are enough for', () => {
    const claimable = (seeds: number): number => Math.ceil(level / leastBootstrapP(seeds)) - 1
    expect([3, 4, 5].map(claimable)).toEqual([0, 6, 78])
    expect(text).toContain(
      'With three no difference can be claimed, with four of at most 6 comparisons, with five of at most 78'
    )
  })
})
