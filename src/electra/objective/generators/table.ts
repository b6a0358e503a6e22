/** The generators by the names that configurations give them. */

import type { ElectraConfig } from '../../config/config.js'
import type { ConfigProblem } from '../../config/schema.js'
import type { Pieces } from '../pieces.js'
import type { Generator, GeneratorMaker, GeneratorSettings } from './generator.js'
import { maskedLmGenerator } from './masked-lm.js'
import { twoTowerGenerator } from './two-tower.js'
import { unigramGenerator } from './unigram.js'
import { uniformGenerator } from './uniform.js'

export const generators = {
  'masked-lm': maskedLmGenerator,
  uniform: uniformGenerator,
  unigram: unigramGenerator,
  'two-tower': twoTowerGenerator
} as const satisfies Readonly<Record<string, GeneratorMaker>>

export type GeneratorName = keyof typeof generators

export const generatorNames = Object.keys(generators) as ReadonlyArray<GeneratorName>

export const makerOf = ({ generator }: Pick<GeneratorSettings, 'generator'>): GeneratorMaker =>
  generators[generator.kind ?? 'masked-lm']

/** What is wrong with a configuration for its generator. */
export const generatorProblems = (config: ElectraConfig): ReadonlyArray<ConfigProblem> =>
  makerOf(config).problems?.(config) ?? []

export const generatorOf = (settings: GeneratorSettings, pieces: Pieces): Generator =>
  makerOf(settings).make(settings, pieces)
