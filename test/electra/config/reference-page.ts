/**
 * `docs/configuration.md`: every key with its meaning. `settings.test.ts` holds the page to it, and writes it anew.
 */

import { presetNames } from '../../../src/electra/config/presets.js'
import { meanings, valueAt } from '../../../src/electra/config/reference.js'
import { configKeys } from '../../../src/electra/config/schema.js'

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
