/**
 * Sentences and pairs of sentences as tasks, whatever files they come from: a class of each, or a number.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TokenizerError } from '../../data/vocabulary/tokenizer.js'
import { sentenceClassifier, sentenceRegressor } from '../heads/sentence.js'
import {
  anyNetwork,
  splitsSha256,
  type AnyNetwork,
  type AppliedTask,
  type PreparedTask,
  type Says,
  type TaskSettings
} from '../task.js'
import { splitOf, type Source, type Spec } from './sentence-rows.js'
import { columnOf, improvingOf, labelOf, type Kind } from './sentence-scores.js'

/** A class of a text or a pair, or a number. */
export type SentenceTag = 'Classification' | 'Regression'

export type Sources = Readonly<Record<string, Source>>

const numbersOf = (kind: Kind, { examples }: Source): ReadonlyArray<number> =>
  examples.flatMap(({ label }) => (label === undefined ? [] : [labelOf(kind, label)]))

const networkOf = (kind: Kind, { size, head, dropout }: TaskSettings): AnyNetwork => {
  const network = { ...size, head, dropout }
  return kind._tag === 'classes'
    ? anyNetwork(sentenceClassifier(network, kind.names.length))
    : anyNetwork(sentenceRegressor(network))
}

/** What a model says that has learnt this. */
export const saysOf = (kind: Kind): Says<SentenceTag> =>
  kind._tag === 'classes' ? { _tag: 'Classification', labels: kind.names } : { _tag: 'Regression', range: kind.range }

/** What a class, of two or of more, or a number is judged by. */
const metricsOf = {
  two: ['accuracy', 'f1', 'matthews'],
  more: ['accuracy', 'matthews'],
  number: ['spearman', 'pearson', 'mse']
} as const satisfies Readonly<Record<string, Spec['metrics']>>

/** Those of which more is better, of a table that has not been read. */
export const metricsOfTable = (isRegression: boolean): ReadonlyArray<string> =>
  improvingOf(isRegression ? metricsOf.number : metricsOf.two)

/** What a model says, as labels are read, judged and written; of a regression without a range as it is. */
export const specOf = (says: Says<SentenceTag>, metrics?: Spec['metrics']): Spec => {
  if (says._tag === 'Classification') {
    const names = says.labels
    const usual: Spec['metrics'] = names.length === 2 ? metricsOf.two : metricsOf.more
    return { kind: { _tag: 'classes', names }, labels: { _tag: 'classes', names }, metrics: metrics ?? usual }
  }
  const { range } = says
  return {
    kind: { _tag: 'scores', range: range ?? { min: 0, max: 1 } },
    labels: { _tag: 'scores', least: range?.min ?? -Infinity, most: range?.max ?? Infinity },
    metrics: metrics ?? metricsOf.number
  }
}

/** Texts for a model that has learnt the task. */
export const applied =
  (spec: Spec, settings: TaskSettings) =>
  (source: Source): TE.TaskEither<TokenizerError, AppliedTask> =>
    pipe(
      splitOf(spec, settings.tokenizer, settings.sequenceLength)(source),
      TE.map((split) => ({ network: networkOf(spec.kind, settings), split }))
    )

export const prepared = (
  spec: Spec,
  sources: Sources & { readonly train: Source; readonly dev: Source },
  settings: TaskSettings
): TE.TaskEither<TokenizerError, PreparedTask> => {
  const { kind, metrics } = spec
  const { tokenizer, sequenceLength } = settings
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
        network: networkOf(kind, settings),
        splits,
        columns: metrics.map(columnOf(kind, numbersOf(kind, sources.train), numbersOf(kind, sources.dev))),
        exported: saysOf(kind),
        dataSha256: splitsSha256(splits)
      }
    })
  )
}
