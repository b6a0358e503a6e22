/**
 * Sentences and pairs of sentences as tasks, whatever files they come from: a class of each, or a number.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TokenizerError } from '../../data/vocabulary/tokenizer.js'
import { sentenceClassifier, sentenceRegressor } from '../heads/sentence.js'
import { anyNetwork, splitsSha256, type PreparedTask, type TaskSettings } from '../task.js'
import { splitOf, type Source, type Spec } from './sentence-rows.js'
import { columnOf, labelOf, type Kind } from './sentence-scores.js'

export type Sources = Readonly<Record<string, Source>>

const numbersOf = (kind: Kind, { examples }: Source): ReadonlyArray<number> =>
  examples.flatMap(({ label }) => (label === undefined ? [] : [labelOf(kind, label)]))

export const prepared = (
  spec: Spec,
  sources: Sources & { readonly train: Source; readonly dev: Source },
  { size, tokenizer, sequenceLength, head, dropout }: TaskSettings
): TE.TaskEither<TokenizerError, PreparedTask> => {
  const { kind, metrics } = spec
  const network = { ...size, head, dropout }
  return pipe(
    Object.entries(sources),
    TE.traverseSeqArray(([name, source]) =>
      pipe(
        splitOf(spec, tokenizer, sequenceLength)(source),
        TE.map((split) => [name, split] as const)
      )
    ),
    TE.map((entries): PreparedTask => {
      const splits = Object.fromEntries(entries)
      return {
        network:
          kind._tag === 'classes'
            ? anyNetwork(sentenceClassifier(network, kind.names.length))
            : anyNetwork(sentenceRegressor(network)),
        splits,
        columns: metrics.map(columnOf(kind, numbersOf(kind, sources.train), numbersOf(kind, sources.dev))),
        exported:
          kind._tag === 'classes'
            ? { _tag: 'Classification', labels: kind.names }
            : { _tag: 'Regression', range: kind.range },
        dataSha256: splitsSha256(splits)
      }
    })
  )
}
