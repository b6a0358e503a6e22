/** The objectives by the names that configurations give them. */

import type { ElectraConfig } from '../config/config.js'
import { maskedLm } from './masked-lm.js'
import type { Objective, ObjectiveKind, Pieces } from './objective.js'
import { replacedToken } from './replaced-token.js'

export const objectives = {
  electra: replacedToken,
  mlm: maskedLm
} as const satisfies Readonly<Record<string, ObjectiveKind>>

export type ObjectiveName = keyof typeof objectives

export const objectiveNames = Object.keys(objectives) as ReadonlyArray<ObjectiveName>

export const kindOf = ({ objective }: Pick<ElectraConfig, 'objective'>): ObjectiveKind => objectives[objective]

export const objectiveOf = (config: ElectraConfig, pieces: Pieces): Objective => kindOf(config).make(config, pieces)
