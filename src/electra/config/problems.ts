/**
 * What is wrong with a configuration whose form is right: sizes that do not go together, and values that contradict each other.
 */

import { slotsOf } from '../data/examples/masking.js'
import { kindOf } from '../objective/table.js'
import type { ElectraConfig, EncoderSize } from './config.js'
import type { CompleteInput, ConfigProblem, OverridesInput } from './schema.js'

const headProblems = (where: string, { hiddenSize, heads }: EncoderSize): ReadonlyArray<ConfigProblem> =>
  hiddenSize % heads === 0
    ? []
    : [{ path: `${where}.heads`, found: String(heads), expected: `a divisor of ${where}.hiddenSize, ${hiddenSize}` }]

/** Sizes that a multiplier can bring down to nothing. */
const sizeProblems = ({ hiddenSize, layers }: EncoderSize): ReadonlyArray<ConfigProblem> =>
  Object.entries({ hiddenSize, layers })
    .filter(([, value]) => value < 1)
    .map(([key, value]) => ({
      path: `generator.${key}`,
      found: `${value}, derived from the model's`,
      expected: 'at least 1'
    }))

/** Attention that starts local reads pairs of a sine and a cosine in every head. */
const pairProblems = ({ model, generator }: ElectraConfig): ReadonlyArray<ConfigProblem> => {
  const isOfPairs = ({ hiddenSize, heads }: EncoderSize): boolean => (hiddenSize / heads) % 2 === 0
  const problem = (path: string, found: number, expected: string): ConfigProblem => ({
    path,
    found: String(found),
    expected: `${expected} with model.initialAttention '${model.initialAttention}'`
  })
  return [
    ...(model.embeddingSize % 2 === 0 ? [] : [problem('model.embeddingSize', model.embeddingSize, 'an even number')]),
    ...[['model', model] as const, ['generator', generator] as const]
      .filter(([, size]) => !isOfPairs(size))
      .map(([where, { hiddenSize }]) => problem(`${where}.hiddenSize`, hiddenSize, 'an even number for each head'))
  ]
}

export const problemsOfMeaning = (c: ElectraConfig): ReadonlyArray<ConfigProblem> => {
  const unless = (holds: boolean, path: string, found: unknown, expected: string): ReadonlyArray<ConfigProblem> =>
    holds ? [] : [{ path, found: String(found), expected }]
  return [
    ...headProblems('model', c.model),
    ...(kindOf(c).generator === 'model sizes'
      ? []
      : [...sizeProblems(c.generator), ...headProblems('generator', c.generator)]),
    ...(kindOf(c).problems?.(c) ?? []),
    ...((c.model.initialAttention ?? 'flat') !== 'flat' ? pairProblems(c) : []),
    ...unless(
      c.sequenceLength <= c.model.maxPositions,
      'sequenceLength',
      c.sequenceLength,
      `at most model.maxPositions, ${c.model.maxPositions}`
    ),
    ...unless(c.batchSize % c.shards === 0, 'shards', c.shards, `a divisor of batchSize, ${c.batchSize}`),
    ...unless(
      slotsOf(c.maskProbability, c.sequenceLength) >= 1,
      'maskProbability',
      c.maskProbability,
      `enough to mask one of ${c.sequenceLength} tokens`
    ),
    ...unless(
      c.replaceProbability + (c.randomProbability ?? 0) <= 1 + 1e-9,
      'randomProbability',
      c.randomProbability,
      `at most what replaceProbability, ${c.replaceProbability}, leaves of 1`
    ),
    ...unless(
      c.generatorWeight > 0 || c.discriminatorWeight > 0,
      'discriminatorWeight',
      'both weights 0',
      'one of generatorWeight and discriminatorWeight above 0'
    )
  ]
}

/** Contradictions within one file, which merging and filling in would hide. */
export const contradictions = (
  file: CompleteInput | OverridesInput,
  resolved: ElectraConfig
): ReadonlyArray<ConfigProblem> => {
  const given = file.generator ?? {}
  const both = (multiplier: 'hiddenMultiplier' | 'layersMultiplier', size: 'hiddenSize' | 'layers') =>
    given[multiplier] !== undefined && given[size] !== undefined
      ? [{ path: `generator.${multiplier}`, found: `generator.${size} as well`, expected: 'one of the two' }]
      : []
  const different = Object.entries(given).filter(
    ([key, value]) => value !== undefined && value !== (resolved.model as Record<string, unknown>)[key]
  )
  return [
    ...both('hiddenMultiplier', 'hiddenSize'),
    ...both('layersMultiplier', 'layers'),
    ...(kindOf(resolved).generator === 'model sizes' ? different : []).map(([key, value]) => ({
      path: `generator.${key}`,
      found: String(value),
      expected: `nothing: the objective '${resolved.objective}' has no network of another size than the model's`
    })),
    ...(kindOf(resolved).generator === 'own sizes' && resolved.sharing === 'all' ? different : [])
      .filter(([key]) => key !== 'kind')
      .map(([key, value]) => ({
        path: `generator.${key}`,
        found: String(value),
        expected: "nothing, or the model's: with sharing 'all' the generator is the model itself, with another head"
      }))
  ]
}
