/** A file for a model that has learnt its task: the rows, network and judgement of the same file in fine-tuning. */

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { HeadKind, HfTask } from '../../../src/electra/store/models/hf-task-config.js'
import { predictRows } from '../../../src/electra/tasks/apply.js'
import { tableTask } from '../../../src/electra/tasks/families/own-table.js'
import { taskNamed, tasks } from '../../../src/electra/tasks/table.js'
import { applyFor, type AnyNetwork, type Task } from '../../../src/electra/tasks/task.js'
import { isParameterSpec, type Params } from '../../../src/nn/index.js'
import { tensor } from '../../../src/tensor/index.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { entries } from '../../../src/tensor/tree.js'
import { rightOf } from '../data/right.js'
import { numbersByPath, scattered } from '../objective/cases.js'
import { settings, withFiles } from './families/cases.js'

const squadFile = JSON.stringify({
  data: [
    {
      paragraphs: [
        {
          context: 'The cat ran to the house of Clovis',
          qas: [
            { id: 'a', question: 'Who ran ?', answers: [{ text: 'The cat', answer_start: 0 }] },
            { id: 'b', question: 'Who slept ?', answers: [], is_impossible: true },
            { id: 'c', question: 'Whose house ?', answers: [{ text: 'Clovis', answer_start: 28 }] }
          ]
        }
      ]
    }
  ]
})
const tagged = 'The B-A\ncat I-A\nunaffable O\n\nran B-B\n\ncat B-A\n'
const rte =
  'index\ta\tb\tlabel\n0\tThe cat\tran\tentailment\n1\tran\tThe cat\tnot_entailment\n2\tcat\tran\tentailment\n'
const sts = 'a\tb\tscore\nThe cat\tran\t3.2\nran\tThe cat\t0\ncat\tran\t5\n'

const named = (name: string): Task => {
  const task = taskNamed(name)
  if (task === undefined) throw new Error(`no task ${name}`)
  return task
}

const own = (directory: string): Task =>
  tableTask({
    train: join(directory, 'train.tsv'),
    dev: join(directory, 'dev.tsv'),
    textA: 'a',
    textB: 'b',
    label: 'score',
    isRegression: true
  })

const cases: ReadonlyArray<readonly [string, HeadKind, string, string, (directory: string) => Task]> = [
  ['squad', 'official', 'json', squadFile, () => named('squad')],
  ['squad', 'huggingface', 'json', squadFile, () => named('squad')],
  ['chunk', 'official', 'txt', tagged, () => named('chunk')],
  ['rte', 'official', 'tsv', rte, () => named('rte')],
  ['rte', 'huggingface', 'tsv', rte, () => named('rte')],
  ['sts', 'official', 'tsv', sts, () => named('sts')],
  ["a table of one's own", 'official', 'tsv', sts, own]
]

const length = 12

const shapesOf = ({ parameters }: AnyNetwork) =>
  entries(isParameterSpec, parameters).map(([path, { shape }]) => [path, shape])

describe.each(cases)('a file of %s for a model with the head of %s', (_, head, extension, file, taskIn) => {
  it('is predicted as in fine-tuning, in batches of any size', async () => {
    await withFiles({ [`train.${extension}`]: file, [`dev.${extension}`]: file }, async (directory) => {
      const task = taskIn(directory)
      const given = { ...settings, head, sequenceLength: length }
      const learnt = await rightOf(task.prepare(directory, given))
      expect(learnt.exported._tag).toBe(task.says)
      const apply = applyFor(task, learnt.exported)
      if (apply === undefined) throw new Error(`${task.name} is not for the head of its own models`)
      const { network, split } = await rightOf(apply(join(directory, `dev.${extension}`), given))
      const { dev } = learnt.splits
      expect(split.rows).toEqual(dev.rows)
      expect(shapesOf(network)).toEqual(shapesOf(learnt.network))

      const params = scattered<Params>(network.parameters, 1)
      const { count, arrays } = split.rows
      const batch = Object.fromEntries(
        Object.entries(network.batchSpec(count, length)).map(([name, { shape, dtype }]) => [
          name,
          tensor(Array.from(arrays[name]), { shape, dtype })
        ])
      )
      const whole = Object.fromEntries(numbersByPath(network.predict(params, batch)))
      const device = reference({ floats: 'float64' })
      for (const batchSize of [2, count + 3]) {
        const found = await rightOf(predictRows(device, network, params, length, batchSize)(split.rows))
        for (const [name, values] of Object.entries(whole)) {
          expect(found[name].length).toBe(values.length)
          // float64 that is kept in float32, of values up to a thousand.
          values.forEach((x, i) => expect(Math.abs(found[name][i] - x)).toBeLessThan(1e-3))
        }
        const { report, files } = split.judge(found)
        expect(Object.values(report).every(Number.isFinite)).toBe(true)
        expect(report).toEqual(dev.judge(found).report)
        expect(Object.values(files)).toEqual(Object.values(dev.judge(found).files))
      }
    })
  })
})

describe('a model with the head of another task', () => {
  const models: ReadonlyArray<HfTask> = [
    { _tag: 'Classification', labels: ['no', 'yes'] },
    { _tag: 'Regression' },
    { _tag: 'Tagging', labels: ['O'] },
    { _tag: 'Spans' }
  ]
  it.each(tasks)('is none that $name can be applied to', (task) => {
    for (const model of models) expect(applyFor(task, model) !== undefined).toBe(model._tag === task.says)
  })
})
