/**
 * Directories that transformers 5.18 wrote for its task classes (scripts/golden/task_heads.py), what it says with them, and ours.
 */

import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Literal } from '../../../../src/tensor/literal.js'
import { storedParams } from '../../../../src/electra/model/stored-params.js'
import { showStoreError } from '../../../../src/electra/store/errors.js'
import {
  headShapes,
  pairSize,
  parseTaskConfig,
  printTaskConfig,
  type HfTask
} from '../../../../src/electra/store/models/hf-task-config.js'
import { hfShapes, type FloatTensor } from '../../../../src/electra/store/models/hf-tensors.js'
import { printTaskFile, taskFile } from '../../../../src/electra/store/models/task-file.js'
import { exportTaskModel, importTaskModel } from '../../../../src/electra/store/models/task-model-files.js'
import { readEncoder } from '../../../../src/electra/tasks/encoder.js'
import {
  independentSpanLogits,
  independentSpans,
  jointSpans,
  type IndependentSpanHead
} from '../../../../src/electra/tasks/heads/span.js'
import {
  sentenceClassifier,
  sentenceRegressor,
  type SentenceNetworkOptions
} from '../../../../src/electra/tasks/heads/sentence.js'
import { tagger } from '../../../../src/electra/tasks/heads/tagging.js'
import { hiddenStates, type TaskModel } from '../../../../src/electra/tasks/heads/task-network.js'
import { isParameterSpec, type Params } from '../../../../src/nn/index.js'
import { tensor, toTypedArray, wasm, type Tensor } from '../../../../src/tensor/index.js'
import { evaluateAll } from '../../../../src/tensor/run/evaluate.js'
import { reference } from '../../../../src/tensor/run/reference/reference.js'
import { sizeOf, type Shape } from '../../../../src/tensor/shape.js'
import { entries, tensorsOf } from '../../../../src/tensor/tree.js'
import { right, rightOf } from '../../data/right.js'
import { inDirectory, leftOf } from '../checkpoints/checkpoint-cases.js'

const fixtures = 'test/fixtures/task-heads'

type Rows = ReadonlyArray<ReadonlyArray<number>>
type Nested = number | ReadonlyArray<Nested> | { readonly start: Rows; readonly end: Rows }
type Answer = Readonly<Record<'input_ids' | 'attention_mask' | 'token_type_ids', Rows>> & {
  readonly float32: Nested
  readonly float64: Nested
}

const answers = JSON.parse(await readFile(join(fixtures, 'answers.json'), 'utf8')) as Readonly<Record<string, Answer>>

const flat = (x: Nested): ReadonlyArray<number> =>
  typeof x === 'number' ? [x] : 'start' in x ? [...flat(x.start), ...flat(x.end)] : x.flatMap(flat)

const ints = (rows: Rows): Tensor => tensor(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0].length] })

/** Values that no two tensors share. */
const drawn = (shapes: ReadonlyMap<string, Shape>): ReadonlyArray<FloatTensor> =>
  [...shapes].map(([name, shape], n) => ({
    ...{ name, dtype: 'F32', shape },
    data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(n + i / 7))
  }))

const bitsOf = (xs: ReadonlyArray<FloatTensor>) =>
  new Map(xs.map((x) => [x.name, [x.shape, [...new Uint32Array(x.data.buffer, x.data.byteOffset, x.data.length)]]]))

/** A vocabulary of so many pieces. */
const piecesOf = (n: number): string =>
  ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...Array.from({ length: n - 5 }, (_, i) => `a${i}`)]
    .map((piece) => `${piece}\n`)
    .join('')

/** The logits of a directory's network for a batch. */
const logitsOf = async (name: string): Promise<ReadonlyArray<Tensor>> => {
  const { network, task, dropout, tensors } = await rightOf(importTaskModel(join(fixtures, name)))
  const size = { model: network, vocabSize: network.vocabSize }
  const { input_ids, attention_mask, token_type_ids } = answers[name]
  const inputs = { ids: ints(input_ids), mask: ints(attention_mask), types: ints(token_type_ids) }
  const options = { ...size, head: 'huggingface', dropout } as const
  switch (task._tag) {
    case 'Classification': {
      const it = sentenceClassifier(options, task.labels.length)
      return [it.predict(right(storedParams(tensors)<Params>(it.parameters)), inputs).logits]
    }
    case 'Regression': {
      const it = sentenceRegressor(options)
      return [it.predict(right(storedParams(tensors)<Params>(it.parameters)), inputs).values]
    }
    case 'Tagging': {
      const words = input_ids[0].length
      const it = tagger({ ...options, words }, task.labels.length)
      const positions = ints(input_ids.map((row) => row.map((_, t) => t)))
      return [it.predict(right(storedParams(tensors)<Params>(it.parameters)), { ...inputs, positions }).logits]
    }
    case 'Spans': {
      // Of all positions: what the network itself gives is lowered where no answer can be.
      const params = right(storedParams(tensors)<TaskModel<IndependentSpanHead>>(independentSpans(size).parameters))
      const { startLogits, endLogits } = independentSpanLogits(params)(hiddenStates(size, params, inputs, undefined))
      return [startLogits, endLogits]
    }
  }
}

const devices = {
  'the reference device in float64': [reference({ floats: 'float64' }), 'float64', 1e-12],
  'the reference device': [reference({ floats: 'float32' }), 'float32', 1e-5],
  wasm: [wasm(), 'float32', 1e-5]
} as const

describe.each(Object.keys(answers))("transformers' model for %s", (name) => {
  it.each(Object.entries(devices))('has on %s the logits that it has there', async (_, [device, floats, bound]) => {
    const expected = flat(answers[name][floats])
    const found = tensorsOf(right(evaluateAll(device)(await logitsOf(name)))).flatMap((x) => [
      ...toTypedArray(x as Literal)
    ])
    expect(found.length).toBe(expected.length)
    found.forEach((x, i) => expect(Math.abs(x - expected[i])).toBeLessThan(bound))
  })

  it('comes back from an export of ours bit for bit', async () => {
    const original = await rightOf(importTaskModel(join(fixtures, name)))
    const { tensors, ignored: _, ...head } = original
    await inDirectory(async (parent) => {
      const model = { ...head, params: tensors, tokenizer: { 'vocab.txt': '[PAD]\n' } }
      const directory = await rightOf(exportTaskModel(join(parent, 'model'), model))
      const again = await rightOf(importTaskModel(directory))
      expect({ ...again, tensors: bitsOf(again.tensors) }).toEqual({ ...original, tensors: bitsOf(tensors) })
      expect(await readFile(join(directory, 'vocab.txt'), 'utf8')).toBe('[PAD]\n')
    })
  })
})

describe("the published code's head", () => {
  const tasks: ReadonlyArray<HfTask> = [
    { _tag: 'Classification', labels: ['no', 'yes', '0'] },
    { _tag: 'Regression', range: { min: -1, max: 5 } },
    { _tag: 'Tagging', labels: ['B-X', 'O'] },
    { _tag: 'Spans' }
  ]
  const networks = {
    Classification: (size: SentenceNetworkOptions) => sentenceClassifier(size, 3),
    Regression: sentenceRegressor,
    Tagging: (size: SentenceNetworkOptions) => tagger({ ...size, words: 4 }, 2),
    Spans: (size: SentenceNetworkOptions) => jointSpans({ ...size, pairSize, beamSize: 20, answerabilityWeight: 0.5 })
  } as const

  it.each(tasks)('of $_tag is written, read, and the start of another task, bit for bit', async (task) => {
    const { network } = await rightOf(importTaskModel(join(fixtures, 'spans')))
    const head = { network, task, head: 'official', dropout: 0.25, learnt: { name: 'x', sequenceLength: 12 } } as const
    const size = { model: network, vocabSize: network.vocabSize, head: 'official', dropout: 0 } as const
    const shapes = new Map(
      entries(isParameterSpec, networks[task._tag](size).parameters).map(([path, { shape }]) => [path, shape])
    )
    const params = drawn(shapes)
    await inDirectory(async (parent) => {
      const tokenizer = { 'vocab.txt': piecesOf(network.vocabSize) }
      const directory = await rightOf(exportTaskModel(join(parent, 'model'), { ...head, params, tokenizer }))
      const { tensors, ignored, ...read } = await rightOf(importTaskModel(directory))
      expect(read).toEqual(head)
      expect(ignored).toEqual([])
      expect(bitsOf(tensors)).toEqual(bitsOf(params))
      const encoder = await rightOf(readEncoder(directory))
      expect(bitsOf(encoder.tensors)).toEqual(bitsOf(params.filter(({ name }) => name.startsWith('electra.'))))
      expect(encoder.network).toEqual(network)
    })
  })

  it('is not taken for another one', async () => {
    const { network } = await rightOf(importTaskModel(join(fixtures, 'spans')))
    const head = { network, task: { _tag: 'Spans' }, head: 'official', dropout: 0 } as const
    await inDirectory(async (parent) => {
      const params = drawn(new Map([...hfShapes(network, 'encoder'), ...headShapes(head)]))
      const directory = await rightOf(exportTaskModel(join(parent, 'model'), { ...head, params, tokenizer: {} }))
      await writeFile(join(directory, taskFile), printTaskFile({ ...head, task: { _tag: 'Regression' } }))
      expect(showStoreError(await leftOf(importTaskModel(directory)))).toContain(
        'the tensors are not those of the configuration. Missing: classifier.weight, classifier.bias.'
      )
      await writeFile(join(directory, taskFile), '{"version": 1, "head": "mine", "task": {"_tag": "Spans"}}')
      expect(showStoreError(await leftOf(importTaskModel(directory)))).toMatch(
        /task\.json: found head: .*, expected what a fine-tuned model has learnt/
      )
      await rm(join(directory, taskFile))
      expect(showStoreError(await leftOf(importTaskModel(directory)))).toContain(
        'found architectures = ["ElectraModel"], expected one of ElectraForSequenceClassification'
      )
    })
  })
})

describe('the configuration of a task', () => {
  const labels = fc.uniqueArray(fc.string({ maxLength: 8 }), { minLength: 1, maxLength: 5 })
  const tasks: fc.Arbitrary<HfTask> = fc.oneof(
    labels.map((names): HfTask => ({ _tag: 'Classification', labels: names })),
    labels.map((names): HfTask => ({ _tag: 'Tagging', labels: names })),
    fc.constantFrom<HfTask>({ _tag: 'Regression' }, { _tag: 'Spans' })
  )

  it('is read as it was written', async () => {
    const { network } = await rightOf(importTaskModel(join(fixtures, 'spans')))
    fc.assert(
      fc.property(tasks, fc.constantFrom(0, 0.1, 0.25), (task, dropout) => {
        const head = { network, task, head: 'huggingface' as const, dropout }
        expect(parseTaskConfig('config.json')(printTaskConfig(head))).toEqual(E.right(head))
      })
    )
  })

  const saying = (json: object): string => {
    const parsed = parseTaskConfig('config.json')(JSON.stringify(json))
    return E.isLeft(parsed) ? showStoreError(parsed.left) : JSON.stringify(parsed.right.task)
  }
  const sequence = { architectures: ['ElectraForSequenceClassification'] }

  it.each<readonly [string, object, string]>([
    ['without labels has two', sequence, '{"_tag":"Classification","labels":["LABEL_0","LABEL_1"]}'],
    ['of one label and no type is a regression', { ...sequence, id2label: { 0: 'x' } }, '{"_tag":"Regression"}'],
    ['with a gap in its labels', { ...sequence, id2label: { 0: 'x', 2: 'y' } }, 'found id2label = '],
    [
      'of another class',
      { architectures: ['ElectraForPreTraining'] },
      'config.json: found architectures = ["ElectraForPreTraining"], expected one of ElectraForSequenceClassification, '
    ],
    ['without a class', {}, 'found architectures = '],
    [
      'of several labels at once',
      { ...sequence, problem_type: 'multi_label_classification' },
      'found problem_type = "multi_label_classification", expected \'regression\' or'
    ]
  ])('%s', (_, json, expected) => {
    expect(saying(json)).toContain(expected)
  })

  it('whose labels are more than the head has is told by the shapes', async () => {
    await inDirectory(async (parent) => {
      const { tensors, ignored: _, ...head } = await rightOf(importTaskModel(join(fixtures, 'tagging')))
      const directory = join(parent, 'model')
      await rightOf(exportTaskModel(directory, { ...head, params: tensors, tokenizer: {} }))
      const config = join(directory, 'config.json')
      await writeFile(config, printTaskConfig({ ...head, task: { _tag: 'Tagging', labels: ['O', 'X'] } }))
      expect(showStoreError(await leftOf(importTaskModel(directory)))).toContain(
        'classifier.bias is [5] instead of [2]'
      )
    })
  })
})
