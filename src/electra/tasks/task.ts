/**
 * A downstream task, from the files of its data to a score: what every family of tasks gives to fine-tuning.
 *
 * A family reads examples, makes rows of them, has a network, and turns what the network says of the rows into numbers and into the
 * files that a benchmark takes. The engine, the recipe and the command line know no family by name.
 */

import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { ParameterSpec, Params } from '../../nn/index.js'
import type { Data, Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { Tree } from '../../tensor/tree.js'
import { storedOf } from '../../tensor/stored.js'
import type { Tokenizer, TokenizerError } from '../data/vocabulary/tokenizer.js'
import { sha256OfTensors } from '../store/digest.js'
import type { HeadKind, HfTask } from '../store/models/hf-task-config.js'
import type { Column, Report } from '../training/columns.js'
import type { NamedArrays } from '../training/problem.js'
import type { TaskDataError } from './data/data-error.js'
import type { NetworkSize, TaskNetwork } from './heads/task-network.js'

/** Arrays by name, each with the row as its first axis: `count` rows. */
export type Rows = { readonly count: number; readonly arrays: { readonly [name: string]: Data } }

/** A network of which the names of its tensors are known, and nothing else: see `TaskNetwork`. */
export type AnyNetwork = {
  readonly parameters: Tree<ParameterSpec>
  readonly batchSpec: (examples: number, length: number) => { readonly [name: string]: Tensor }
  readonly shardLoss: (
    params: Params,
    batch: { readonly [name: string]: Tensor },
    denominator: Tensor,
    key: Key | undefined
  ) => { readonly loss: Tensor }
  /** Tensors whose first axis is the row. */
  readonly predict: (params: Params, inputs: { readonly [name: string]: Tensor }) => { readonly [name: string]: Tensor }
}

/** Forgets which tensors a network reads and gives: whoever calls it then must hand over those of `batchSpec`. */
export const anyNetwork = <I, T, O, P>(network: TaskNetwork<I, T, O, P>): AnyNetwork => network as unknown as AnyNetwork

/** What is made of the network's predictions for all rows of a split, in the order of its rows. */
export type Judgement = {
  /** Empty where the split has no labels. */
  readonly report: Report
  /** Texts of the files that the task's benchmark takes, by their names. */
  readonly files: { readonly [name: string]: string }
}

export type Split = {
  readonly rows: Rows
  /** `predictions`: the arrays of `predict`, those of padding rows cut off. */
  readonly judge: (predictions: NamedArrays) => Judgement
  /** What was left out of it, for people: `3 questions whose answer is not in the text`. */
  readonly left: ReadonlyArray<string>
}

/** A task on its data, for one encoder. */
export type PreparedTask = {
  readonly network: AnyNetwork
  /** By name: `train`, `dev`, and others that a family reads where they are there (`test`, `dev_mismatched`). */
  readonly splits: { readonly [name: string]: Split }
  /** Of the numbers of reports; the first with a `label` is what trials are compared by. */
  readonly columns: ReadonlyArray<Column>
  /** What the network says, for whoever reads its files. */
  readonly exported: HfTask
  /** A hash of what was read, for the identity of a run. */
  readonly dataSha256: string
}

/** How texts become rows for which network. */
export type TaskSettings = {
  readonly size: NetworkSize
  readonly tokenizer: Tokenizer
  readonly sequenceLength: number
  readonly head: HeadKind
  readonly dropout: number
  /** The split that stands for `dev`, where the task has more than one that can. `dev`, where not given. */
  readonly dev?: string
}

/** The published recipe where it depends on the task. Source: google-research/electra, `configure_finetuning.py`. */
export type TaskDefaults = { readonly epochs: number; readonly sequenceLength: number }

/** A task that was learnt, on one file of data. The split's report is empty where the file has no labels. */
export type AppliedTask = Pick<PreparedTask, 'network'> & { readonly split: Split }

/** What a model can have learnt, each with a head of its own. */
export type TaskTag = HfTask['_tag']

type SaysByTag = { readonly [K in TaskTag]: Extract<HfTask, { readonly _tag: K }> }

/** What a model says that has learnt one of these. */
export type Says<T extends TaskTag> = SaysByTag[T]

/** A file of a task, as a model of the task reads it: `sequenceLength` and the like are the model's. */
export type ApplyTo = (path: string, settings: TaskSettings) => TaskEither<TaskDataError | TokenizerError, AppliedTask>

/** Reads a file of the task for a model that says this. */
export type Apply<T extends TaskTag> = (says: Says<T>) => ApplyTo

type TaskOf<T extends TaskTag> = {
  readonly name: string
  /** One line, with the benchmark and the metric. */
  readonly about: string
  readonly defaults: TaskDefaults
  /** Names of the numbers in its reports of which more is better. */
  readonly metrics: ReadonlyArray<string>
  readonly prepare: (
    directory: string,
    settings: TaskSettings
  ) => TaskEither<TaskDataError | TokenizerError, PreparedTask>
  /** The head of a model that has learnt it. */
  readonly says: T
  readonly apply: Apply<T>
}

/** A task of these heads; of any, where none are named. */
export type Task<T extends TaskTag = TaskTag> = { readonly [K in T]: TaskOf<K> }[T]

const isOf = <T extends TaskTag>(tag: T, says: HfTask): says is Says<T> => says._tag === tag

/** Reads a file of the task for a model that says this; nothing where its head is that of another task. */
export const applyFor = <T extends TaskTag>(task: Task<T>, says: HfTask): ApplyTo | undefined =>
  isOf<T>(task.says, says) ? task.apply(says) : undefined

/** A hash of all rows of all splits. */
export const splitsSha256 = (splits: PreparedTask['splits']): string =>
  sha256OfTensors(
    Object.entries(splits).flatMap(([split, { rows }]) =>
      Object.entries(rows.arrays).map(([name, data]) => ({
        ...storedOf(data instanceof Int32Array ? 'i32' : 'f32', [data.length], data),
        name: `${split}.${name}`
      }))
    )
  )
