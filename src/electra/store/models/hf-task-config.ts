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
  /**
   * ElectraForSequenceClassification with one output. `range` has the scores that its 0 and 1 stand for; transformers has no word
   * for them, and takes the output as it is.
   */
  | { readonly _tag: 'Regression'; readonly range?: { readonly min: number; readonly max: number } }
  /** ElectraForTokenClassification: a class for each token. */
  | { readonly _tag: 'Tagging'; readonly labels: ReadonlyArray<string> }
  /** ElectraForQuestionAnswering: where an answer starts and ends. */
  | { readonly _tag: 'Spans' }

/** `official` is the published code's head, `huggingface` that of transformers' class for the task. */
export type HeadKind = 'official' | 'huggingface'

/** A network with the head of a task. */
export type TaskHead = {
  readonly network: Network
  readonly task: HfTask
  readonly head: HeadKind
  /** The dropout of the head. */
  readonly dropout: number
}

const classes = {
  Classification: 'ElectraForSequenceClassification',
  Regression: 'ElectraForSequenceClassification',
  Tagging: 'ElectraForTokenClassification',
  Spans: 'ElectraForQuestionAnswering'
} as const satisfies Readonly<Record<HfTask['_tag'], string>>

/** The class of transformers that reads the whole network. Of tagging both heads have the same parameters. */
const wholeClassOf = ({ task: { _tag }, head }: Pick<TaskHead, 'task' | 'head'>): string | undefined =>
  head === 'huggingface' || _tag === 'Tagging' ? classes[_tag] : undefined

/** The class that reads most of it: for the published code's heads transformers has none, and reads the encoder alone. */
export const architectureOf = (head: Pick<TaskHead, 'task' | 'head'>): string => wholeClassOf(head) ?? 'ElectraModel'

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

/** Of the layers that judge pairs in the published code's head for spans. */
export const pairSize = 512

/** The tensors of the head beside those of the encoder. */
export const headShapes = ({ network: { hiddenSize: h }, task, head }: TaskHead): ReadonlyMap<string, Shape> => {
  const dense = (name: string, from: number, to: number): ReadonlyArray<readonly [string, Shape]> => [
    [`${name}.weight`, [to, from]],
    [`${name}.bias`, [to]]
  ]
  const twoLayers = (name: string, from: number, width: number, to: number) => [
    ...dense(`${name}.dense`, from, width),
    ...dense(`${name}.out_proj`, width, to)
  ]
  switch (task._tag) {
    case 'Classification':
    case 'Regression': {
      const outputs = outputsOf(task)
      return new Map(head === 'official' ? dense('classifier', h, outputs) : twoLayers('classifier', h, h, outputs))
    }
    case 'Tagging':
      return new Map(dense('classifier', h, outputsOf(task)))
    case 'Spans':
      return new Map(
        head === 'official'
          ? [
              ...dense('start_predictions', h, 1),
              ...twoLayers('end_predictions', 2 * h, pairSize, 1),
              ...twoLayers('answerability_predictions', 2 * h, pairSize, 1)
            ]
          : dense('qa_outputs', h, 2)
      )
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

/** The text of `config.json`. What transformers has no class for it is told nothing of. */
export const printTaskConfig = ({ network, task, head, dropout }: TaskHead): string =>
  printConfigOf(network, architectureOf({ task, head }), {
    ...(wholeClassOf({ task, head }) === undefined ? {} : taskKeys(task)),
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

/** The network and the task that a `config.json` of transformers' classes describes; `path` names the file in errors. */
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
          : E.right({
              network,
              task,
              head: 'huggingface' as const,
              dropout: parsed.data.classifier_dropout ?? network.hiddenDropout
            })
      })
    )
  }

/** The network of a `config.json`, and the dropout of a head on it, whatever head that is. */
export const parseHeadNetwork =
  (path: string) =>
  (text: string): E.Either<StoreError, Pick<TaskHead, 'network' | 'dropout'>> =>
    pipe(
      parseHfConfig(path)(text),
      E.bindTo('network'),
      E.bind('json', () =>
        pipe(
          parseJson(deepest)(text),
          E.mapLeft((e): StoreError => ({ _tag: 'Corrupt', path, found: showJsonError(e), expected: 'a JSON object' }))
        )
      ),
      E.chain(({ network, json }) => {
        const found = valueAt(json, 'classifier_dropout')
        const parsed = schema.shape.classifier_dropout.safeParse(found)
        return parsed.success
          ? E.right({ network, dropout: parsed.data ?? network.hiddenDropout })
          : E.left<StoreError>({
              _tag: 'Corrupt',
              path,
              found: `classifier_dropout = ${described(found)}`,
              expected: expected.classifier_dropout
            })
      })
    )

/** A list of one is shown as what is in it. */
const described = (value: unknown): string =>
  Array.isArray(value) && value.length === 1 ? `[${describe(value[0])}]` : describe(value)
