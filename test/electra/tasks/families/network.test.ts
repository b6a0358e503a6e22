/** What the networks themselves say of the rows of tasks. */

import { describe, expect, it } from 'vitest'
import type { HeadKind } from '../../../../src/electra/store/models/hf-task-config.js'
import { taskNamed } from '../../../../src/electra/tasks/table.js'
import type { Params } from '../../../../src/nn/index.js'
import { scalar, tensor } from '../../../../src/tensor/index.js'
import { numberOf, numbersByPath, scattered } from '../../objective/cases.js'
import { right } from '../../data/right.js'
import { prepared } from './cases.js'

const squadFile = JSON.stringify({
  data: [
    {
      paragraphs: [
        {
          context: 'The cat ran to the house of Clovis',
          qas: [
            { id: 'a', question: 'Who ran ?', answers: [{ text: 'The cat', answer_start: 0 }] },
            { id: 'b', question: 'Who slept ?', answers: [], is_impossible: true }
          ]
        }
      ]
    }
  ]
})
const tagged = 'The DET\ncat NOUN\nunaffable ADJ\n\nran VERB\n'

const cases: ReadonlyArray<readonly [name: string, head: HeadKind, extension: string, file: string, total: number]> = [
  ['squad', 'official', 'json', squadFile, 2],
  ['squad', 'huggingface', 'json', squadFile, 2],
  ['pos', 'official', 'txt', tagged, 4],
  ['pos', 'huggingface', 'txt', tagged, 4]
]

/** The longest that the small network has places for. */
const length = 12

describe.each(cases)('the network of %s with the head of %s', (name, head, extension, file, total) => {
  it('reads the rows of the task, and says what is judged', async () => {
    const files = { [`train.${extension}`]: file, [`dev.${extension}`]: file }
    const task = taskNamed(name)
    if (task === undefined) throw new Error(`no task ${name}`)
    const { network, splits } = right(await prepared(task, files, { head, sequenceLength: length }))
    const { rows, judge } = splits.dev
    const batch = Object.fromEntries(
      Object.entries(network.batchSpec(rows.count, length)).map(([array, { shape, dtype }]) => [
        array,
        tensor(Array.from(rows.arrays[array]), { shape, dtype })
      ])
    )
    const params = scattered<Params>(network.parameters, 1)
    expect(numberOf(network.shardLoss(params, batch, scalar(1), undefined).loss)).toBeGreaterThan(0)
    const predictions = Object.fromEntries(numbersByPath(network.predict(params, batch)))
    const { report } = judge(predictions)
    expect(report[name === 'pos' ? 'words' : 'total']).toBe(total)
    for (const value of Object.values(report)) expect(Number.isFinite(value)).toBe(true)
  })
})
