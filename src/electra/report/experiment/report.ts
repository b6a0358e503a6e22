/** The report of an experiment, from its results and nothing else. */

import type { ExperimentResults } from './results.js'
import { knownColumns } from '../columns.js'
import { figures, says, section, type Block, type Document } from '../document.js'
import { budgetSection, curvesSection, differenceFigures } from './curves.js'
import { findings } from './findings.js'
import { plateauSection } from './plateau.js'
import { provenanceSection } from './provenance.js'
import { reviewersSections } from './reviewers.js'
import { runsSection, scoresSection } from './tables.js'
import { tuningSection } from './tuning.js'

const aboutSection = ({ declaration: { about } }: ExperimentResults): ReadonlyArray<Block> =>
  about.length === 0 ? [] : [section('The experiment'), ...about.map((paragraph) => says(paragraph))]

/** The same results give the same document. */
export const experimentReport = (results: ExperimentResults): Document => {
  const columns = knownColumns()
  const blocks: ReadonlyArray<Block> = [
    ...findings(columns, results),
    ...aboutSection(results),
    ...scoresSection(results),
    ...figures(differenceFigures(results)),
    ...budgetSection(results),
    ...curvesSection(columns, results),
    ...plateauSection(columns, results),
    ...tuningSection(results),
    ...reviewersSections(results),
    ...runsSection(columns, results),
    ...provenanceSection(results)
  ]
  return { title: `Experiment ${results.declaration.name}`, blocks }
}
