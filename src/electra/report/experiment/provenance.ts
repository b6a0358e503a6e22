/** What an experiment was run on, by which command, when, and as what it was declared. */

import { counted } from '../../counted.js'
import { showBudget } from '../../experiment/arms.js'
import type { ExperimentResults } from './results.js'
import { section, table, words, type Block } from '../document.js'
import { duration, none } from '../shown.js'

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`

const facts = (results: ExperimentResults): ReadonlyArray<readonly [string, string]> => {
  const { machine, command, startedAt, updatedAt, declaration, runs, arms } = results
  const judged = runs.filter((run) => !run.isTuning && run.outcome._tag === 'Done')
  const times = judged.map(({ seconds }) => seconds)
  const where = [
    ...new Set(runs.flatMap(({ report }) => (report === undefined ? [] : [`${report.device}, ${report.multiplier}`])))
  ]
  return [
    ['command', command],
    ['begun', startedAt],
    ['last written', updatedAt],
    ['processor', `${machine.cpu}, ${counted(machine.cores, 'core')}`],
    ['memory', gibibytes(machine.bytes)],
    ['device and multiplier', where.join('; ') || none],
    ['Node.js', machine.node],
    ['pure-electra', machine.version],
    ['corpus', declaration.corpus],
    ['configuration', declaration.config],
    ['arms', String(arms.length)],
    ['budgets', declaration.budgets.map(showBudget).join('; ')],
    ['seeds', declaration.seeds.join(', ')],
    ['time of a run', judged.length === 0 ? none : `${duration(Math.min(...times))} to ${duration(Math.max(...times))}`]
  ]
}

export const provenanceSection = (results: ExperimentResults): ReadonlyArray<Block> => [
  section('How it was made'),
  table({ caption: 'Machine, command and versions', columns: words('what', 'value'), rows: facts(results) }),
  {
    _tag: 'Listing',
    caption: 'The declaration',
    text: JSON.stringify(results.declaration, null, 2),
    isFolded: true
  }
]
