/** What the numbers of any run mean, by their names: those of all objectives, and those that every run has. */

import * as E from 'fp-ts/lib/Either.js'
import { resolveConfig } from '../config/resolve.js'
import { drawnPieces } from '../objective/pieces.js'
import { objectiveNames, objectives, type ObjectiveName } from '../objective/table.js'
import type { Column } from '../training/columns.js'

/** Of whatever is trained. */
const ofEveryRun: ReadonlyArray<Column> = [
  { name: 'loss', meaning: 'The loss that is trained on, in nats.', better: 'down', digits: 4, label: 'loss' },
  {
    name: 'learningRate',
    meaning: 'The learning rate of the step.',
    better: 'neither',
    digits: 6,
    label: 'learning rate'
  },
  {
    name: 'gradientNorm',
    meaning: "The gradients' norm over all parameters, before it is clipped.",
    better: 'neither',
    digits: 4,
    label: 'gradient norm'
  },
  { name: 'tokens', meaning: 'Real tokens of the step.', better: 'neither', digits: 0, label: 'tokens' },
  { name: 'seconds', meaning: 'Time that the step took, in seconds.', better: 'neither', digits: 4, label: 'seconds' }
]

/** Names do not depend on how large a model is. */
const columnsOf = (objective: ObjectiveName): ReadonlyArray<Column> => {
  const config = resolveConfig({ extends: 'nano', objective, ...objectives[objective].example })
  return E.isRight(config) ? objectives[objective].make(config.right, drawnPieces(100)).columns : []
}

export type Columns = ReadonlyMap<string, Column>

/** In the order in which they are shown: those of all objectives, then of every run. Of a name that several have, the first's. */
export const knownColumns = (): Columns => {
  const all = [...objectiveNames.flatMap(columnsOf), ...ofEveryRun]
  return new Map(
    all
      .filter(({ name }, i) => all.findIndex((other) => other.name === name) === i)
      .map((column) => [column.name, column])
  )
}

/** Those of runs of an objective, and the others behind them: a name may mean another number for another objective. */
export const columnsFor = (objective: string | undefined): Columns => {
  const known = objectiveNames.find((name) => name === objective)
  const all = knownColumns()
  return known === undefined
    ? all
    : new Map([...all, ...columnsOf(known).map((column) => [column.name, column] as const)])
}

/** `maskedLmAccuracy` as `masked-LM accuracy`. */
const spaced = (name: string): string =>
  name
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace('masked lm', 'masked-LM')
    .replace(/\bauc\b/, 'AUC')
    .trim()

/** What it is called in tables and charts; the words of its name, where nobody has said more. */
export const labelOf = (columns: Columns, name: string): string => columns.get(name)?.label ?? spaced(name)

export const digitsOf = (columns: Columns, name: string): number => Math.max(3, columns.get(name)?.digits ?? 4)
