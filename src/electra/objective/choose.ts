/** The objective that a configuration names. */

import type { ElectraConfig } from '../config/config.js'
import { maskedLmObjective } from './masked-lm.js'
import type { Objective } from './objective.js'
import { replacedTokenObjective } from './replaced-token.js'

export const objectiveOf = (config: ElectraConfig, vocabSize: number): Objective => {
  switch (config.objective) {
    case 'electra':
      return replacedTokenObjective(config, vocabSize)
    case 'mlm':
      return maskedLmObjective(config, vocabSize)
  }
}
