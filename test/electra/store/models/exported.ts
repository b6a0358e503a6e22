import type { ElectraConfig } from '../../../../src/electra/config/config.js'
import type { Exported } from '../../../../src/electra/objective/exported.js'
import type { Objective } from '../../../../src/electra/objective/objective.js'
import { objectiveOf } from '../../../../src/electra/objective/table.js'
import { networkOf, type Network } from '../../../../src/electra/store/models/hf-config.js'
import { drawnPieces } from '../../../../src/electra/objective/pieces.js'

export const objectiveFor = (config: ElectraConfig, vocabSize: number): Objective =>
  objectiveOf(config, drawnPieces(vocabSize))

/** A network that a run of this configuration exports; its first one where it has none of the kind. */
export const exportOf = (config: ElectraConfig, half: Exported['half']): Exported => {
  const { exports } = objectiveFor(config, 60)
  return exports.find((exported) => exported.half === half) ?? exports[0]
}

export const exportedNetwork = (config: ElectraConfig, vocabSize: number, half: Exported['half']): Network =>
  networkOf(config, vocabSize, exportOf(config, half))
