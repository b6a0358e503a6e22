/** The objectives by the names that configurations give them. */

import type { ElectraConfig } from '../config/config.js'
import { adversarial } from './adversarial.js'
import { allTokensMlm } from './all-tokens-mlm.js'
import { electra15 } from './electra-15.js'
import { electric } from './electric.js'
import { maskedLm } from './masked-lm.js'
import type { Objective, ObjectiveKind } from './objective.js'
import type { Pieces } from './pieces.js'
import { replaceMlm } from './replace-mlm.js'
import { replacedToken } from './replaced-token.js'
import { twoStage } from './two-stage.js'

export const objectives = {
  electra: replacedToken,
  mlm: maskedLm,
  'electra-15': electra15,
  'replace-mlm': replaceMlm,
  'all-tokens-mlm': allTokensMlm,
  'two-stage': twoStage,
  adversarial,
  electric
} as const satisfies Readonly<Record<string, ObjectiveKind>>

export type ObjectiveName = keyof typeof objectives

export const objectiveNames = Object.keys(objectives) as ReadonlyArray<ObjectiveName>

export const kindOf = ({ objective }: Pick<ElectraConfig, 'objective'>): ObjectiveKind => objectives[objective]

export const objectiveOf = (config: ElectraConfig, pieces: Pieces): Objective => kindOf(config).make(config, pieces)
