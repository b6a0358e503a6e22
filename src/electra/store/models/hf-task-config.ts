/**
 * What Hugging Face's `config.json` says of a task: the class, its labels, and the dropout of its head.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { describe } from '../../../tensor/describe.js'
import type { Shape } from '../../../tensor/shape.js'
import { parseJson, showJsonError } from '../../../tensor/strict-json.js'
import type { Json } from '../canonical-json.js'
import type { StoreError } from '../errors.js'
import { parseHfConfig, printConfigOf, type Network } from './hf-config.js'

/** A task of one of transformers' classes. Labels stand in the order of their logits. */
export type HfTask =
  /** ElectraForSequenceClassification: one class of a sentence or a pair. */
  | { readonly _tag: 'Classification'; readonly labels: ReadonlyArray<string> }
  /** ElectraForSequenceClassification with one output. */
  | { readonly _tag: 'Regression' }
  /** ElectraForTokenClassification: a class for each token. */
  | { readonly _tag: 'Tagging'; readonly labels: ReadonlyArray<string> }
  /** ElectraForQuestionAnswering: where an answer starts and ends. */
  | { readonly _tag: 'Spans' }

/** A network with the head of a task. */
export type TaskHead = {
  readonly network: Network
  readonly task: HfTask
  /** The dropout of the head. */
  readonly dropout: number
}

const classes = {
  Classification: 'ElectraForSequenceClassification',
  Regression: 'ElectraForSequenceClassification',
  Tagging: 'ElectraForTokenClassification',
  Spans: 'ElectraForQuestionAnswering'
} as const satisfies Readonly<Record<HfTask['_tag'], string>>

/** The class that transformers has for a task. */
export const architectureOf = ({ _tag }: HfTask): string => classes[_tag]

/** How many numbers the head gives. */
export const outputsOf = (task: HfTask): number => {
  switch (task._tag) {
    case 'Classification':
    case 'Tagging':
      return task.labels.length
    case 'Regression':
      return 1
    case 'Spans':
      return 2
  }
}

/** The tensors of the head beside those of the encoder. */
export const headShapes = ({ network: { hiddenSize: h }, task }: TaskHead): ReadonlyMap<string, Shape> => {
  const dense = (name: string, from: number, to: number): ReadonlyArray<readonly [string, Shape]> => [
    [`${name}.weight`, [to, from]],
    [`${name}.bias`, [to]]
  ]
  switch (task._tag) {
    case 'Classification':
    case 'Regression':
      return new Map([...dense('classifier.dense', h, h), ...dense('classifier.out_proj', h, outputsOf(task))])
    case 'Tagging':
      return new Map(dense('classifier', h, outputsOf(task)))
    case 'Spans':
      return new Map(dense('qa_outputs', h, 2))
  }
}

// ---------------------------------------------------------------------- writing

const namesOf = (labels: ReadonlyArray<string>): Readonly<Record<string, Json>> => ({
  id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
  label2id: Object.fromEntries(labels.map((label, i) => [label, i]))
})

const taskKeys = (task: HfTask): Readonly<Record<string, Json>> => {
  switch (task._tag) {
    case 'Classification':
      return { ...namesOf(task.labels), problem_type: 'single_label_classification' }
    case 'Regression':
      return { ...namesOf(['LABEL_0']), problem_type: 'regression' }
    case 'Tagging':
      return namesOf(task.labels)
    case 'Spans':
      return {}
  }
}

/** The text of `config.json`. */
export const printTaskConfig = ({ network, task, dropout }: TaskHead): string =>
  printConfigOf(network, architectureOf(task), {
    ...taskKeys(task),
    // Without a value of its own a head has the dropout of hidden states.
    classifier_dropout: dropout === network.hiddenDropout ? null : dropout
  })

// ---------------------------------------------------------------------- reading

const known = [...new Set(Object.values(classes))]

/** More than any task has. */
const mostLabels = 2 ** 16

const label = z.int().min(0).lt(mostLabels)

const expected = {
  architectures: `one of ${known.join(', ')}`,
  id2label: '{ "0": a name, "1": a name, ... }, without gaps',
  num_labels: 'a positive integer',
  problem_type: "'regression' or 'single_label_classification'",
  classifier_dropout: 'null, or a number from 0 to below 1'
} as const

const schema = z.looseObject({
  architectures: z.tuple([z.enum(known)]),
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: label.min(1).nullish(),
  problem_type: z.enum(['regression', 'single_label_classification']).nullish(),
  classifier_dropout: z.number().min(0).lt(1).nullish()
})

type Found = z.infer<typeof schema>

/** The names by id. As in transformers there are two where nothing is said. */
const labelsOf = ({ id2label, num_labels }: Found): ReadonlyArray<string> | undefined => {
  if (id2label === undefined || id2label === null)
    return Array.from({ length: num_labels ?? 2 }, (_, i) => `LABEL_${i}`)
  const names = Object.keys(id2label).map((_, i) => id2label[String(i)] as string | undefined)
  const whole = names.filter((name) => name !== undefined)
  return whole.length > 0 && whole.length === names.length && whole.length <= mostLabels ? whole : undefined
}

const taskOf = (found: Found): HfTask | undefined => {
  const labels = labelsOf(found)
  if (labels === undefined) return undefined
  switch (found.architectures[0]) {
    case 'ElectraForSequenceClassification':
      // As transformers takes it: one output and no word about it is a regression.
      return found.problem_type === 'regression' || ((found.problem_type ?? null) === null && labels.length === 1)
        ? { _tag: 'Regression' }
        : { _tag: 'Classification', labels }
    case 'ElectraForTokenClassification':
      return { _tag: 'Tagging', labels }
    case 'ElectraForQuestionAnswering':
      return { _tag: 'Spans' }
  }
}

/** Deeper than any published configuration. */
const deepest = 16

const valueAt = (json: unknown, key: string): unknown =>
  typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>)[key] : json

/** The network and the task that a `config.json` describes; `path` names the file in errors. */
export const parseTaskConfig =
  (path: string) =>
  (text: string): E.Either<StoreError, TaskHead> => {
    const corrupt = (found: string, wanted: string): StoreError => ({ _tag: 'Corrupt', path, found, expected: wanted })
    const wrong = (json: unknown, key: keyof typeof expected) =>
      corrupt(`${key} = ${described(valueAt(json, key))}`, expected[key])
    return pipe(
      E.Do,
      E.apS('network', parseHfConfig(path)(text)),
      E.bind('json', () =>
        pipe(
          parseJson(deepest)(text),
          E.mapLeft((e) => corrupt(showJsonError(e), 'a JSON object'))
        )
      ),
      E.chain(({ network, json }) => {
        const parsed = schema.safeParse(json)
        if (!parsed.success) {
          const key = String(parsed.error.issues[0].path.at(0))
          return E.left(wrong(json, key in expected ? (key as keyof typeof expected) : 'architectures'))
        }
        const task = taskOf(parsed.data)
        return task === undefined
          ? E.left(wrong(json, 'id2label'))
          : E.right({ network, task, dropout: parsed.data.classifier_dropout ?? network.hiddenDropout })
      })
    )
  }

/** A list of one is shown as what is in it. */
const described = (value: unknown): string =>
  Array.isArray(value) && value.length === 1 ? `[${describe(value[0])}]` : describe(value)
