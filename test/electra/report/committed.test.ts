/** The reports in `docs/experiments` are those of the results beside them, as they are printed today. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { experimentReport } from '../../../src/electra/report/experiment/report.js'
import type { ExperimentResults } from '../../../src/electra/report/experiment/results.js'
import { markdownOf } from '../../../src/electra/report/pages/markdown.js'

const root = fileURLToPath(new URL('../../../docs/experiments', import.meta.url))

const names = readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))

it('are there', () => {
  expect(names).toContain('evening')
})

it.each(names)('%s', (name) => {
  const read = (file: string): string => readFileSync(join(root, name, file), 'utf8')
  const results = JSON.parse(read('results.json')) as ExperimentResults
  expect(results.isComplete).toBe(true)
  expect(markdownOf(experimentReport(results))).toBe(read('report.md'))
})
