import { describe, expect, it } from 'vitest'
import { resolveConfig } from '../../../src/electra/config/resolve.js'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { executedByProgram } from '../../../src/electra/flops/executed.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import { computeOf } from '../../../src/electra/pretraining/compute.js'
import { generatorGrad, pretrainingPrograms } from '../../../src/electra/pretraining/programs.js'
import { right } from '../data/right.js'

const pieces = drawnPieces(300)

const configOf = (change: object): ElectraConfig => right(resolveConfig({ extends: 'nano', ...change }))

const programsOf = (config: ElectraConfig) => right(pretrainingPrograms(config, objectiveOf(config, pieces), 10))

describe("a generator's part of what a step executes", () => {
  it('is the products of a masked language model of its size', () => {
    const config = configOf({ objective: 'electra' })
    const { generator, model } = config
    const alone = configOf({ objective: 'mlm', model: { ...model, ...generator, embeddingSize: model.embeddingSize } })
    const { stages, state } = programsOf(config)
    const part = right(generatorGrad(config, state)(stages[0].stage))
    expect(part).toBeDefined()
    expect(part === undefined ? NaN : executedByProgram(part).contractions).toBe(
      executedByProgram(programsOf(alone).stages[0].step.shardGrad.program).contractions
    )
  })

  it('grows with its size, and is there where all stages train it', () => {
    const shareOf = (change: object) => {
      const config = configOf(change)
      return right(computeOf({ config, objective: objectiveOf(config, pieces) }, 10)).generatorShare?.executed
    }
    const [half, whole] = [0.5, 1].map((hiddenMultiplier) => shareOf({ generator: { hiddenMultiplier } }))
    expect(half).toBeGreaterThan(0)
    expect(whole).toBeGreaterThan(half ?? NaN)
    expect(whole).toBeLessThan(1)
    expect(shareOf({ objective: 'mlm' })).toBeUndefined()
    expect(shareOf({ objective: 'two-stage' })).toBeUndefined()
  })
})
