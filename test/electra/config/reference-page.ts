/**
 * `docs/configuration.md`: every key with its meaning. `settings.test.ts` holds the page to it, and writes it anew.
 */

import { presetNames } from '../../../src/electra/config/presets.js'
import { meanings, valueAt } from '../../../src/electra/config/reference.js'
import { resolveConfig } from '../../../src/electra/config/resolve.js'
import { configKeys } from '../../../src/electra/config/schema.js'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { generatorNames, generators } from '../../../src/electra/objective/generators/table.js'
import { objectiveNames, objectives, type ObjectiveName } from '../../../src/electra/objective/table.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { right } from '../data/right.js'

/** The least that has to be said for an objective. */
const configOf = (objective: ObjectiveName): ElectraConfig =>
  right(resolveConfig({ extends: 'nano', objective, ...objectives[objective].example }))

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(' | ')} |`

/** The page of the documentation. `small` is that preset, resolved. */
export const configReference = (small: unknown): string =>
  [
    '# Configuration keys',
    '',
    `A configuration is a preset (${presetNames.map((name) => `\`${name}\``).join(', ')}), or a JSON file that says`,
    '`{ "extends": "small", ... }` and what differs, or everything. `--set KEY=VALUE` lays single values over either, and',
    '`pure-electra config NAME` prints the result (`--json`: as a file). This page is tested against the schema.',
    '',
    '## Objectives',
    '',
    row(['`objective`', 'what is learnt', 'leaves in `model/`', 'numbers of its reports']),
    row(['---', '---', '---', '---']),
    ...objectiveNames.map((name) => {
      const { columns, exports } = objectives[name].make(configOf(name), drawnPieces(100))
      return row([
        `\`${name}\``,
        objectives[name].about,
        exports.map((exported) => `\`${exported.name}\``).join(', '),
        columns.map((column) => `\`${column.name}\``).join(', ')
      ])
    }),
    '',
    row(['`generator.kind`', 'what proposes tokens']),
    row(['---', '---']),
    ...generatorNames.map((name) => row([`\`${name}\``, generators[name].about])),
    '',
    '## Keys',
    '',
    row(['key', 'meaning', 'accepts', 'in `small`']),
    row(['---', '---', '---', '---']),
    ...configKeys.map(({ path, accepts }) => {
      const value = valueAt(small, path)
      return row([
        `\`${path}\``,
        meanings[path] ?? '',
        accepts,
        value === undefined ? '' : `\`${JSON.stringify(value)}\``
      ])
    }),
    ''
  ].join('\n')
