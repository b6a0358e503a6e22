import { describe, expect, it } from 'vitest'
import { parseLines } from '../../../src/electra/tasks/data/reader.js'
import { tsvReader } from '../../../src/electra/tasks/data/table.js'
import { doubled, glueTable, glueTasks, type GlueName } from '../../../src/electra/tasks/glue.js'
import { right } from '../data/right.js'

const read = (name: GlueName, split: string, lines: ReadonlyArray<string>) => {
  const task = glueTasks[name]
  return right(parseLines(tsvReader(glueTable(task, task.files[split])), { skipMalformed: false }, 'f')(lines)).examples
}

const tabbed = (...columns: ReadonlyArray<string>): string => columns.join('\t')

describe('a task of GLUE', () => {
  it.each<[GlueName, string, ReadonlyArray<string>, object]>([
    ['cola', 'train', [tabbed('gj04', '1', '', 'It rains.')], { textA: 'It rains.', label: '1' }],
    ['cola', 'in_domain_dev', [tabbed('gj04', '0', '*', 'Rains it.')], { textA: 'Rains it.', label: '0' }],
    ['cola', 'test', [tabbed('index', 'sentence'), tabbed('0', 'It rains.')], { textA: 'It rains.' }],
    ['sst', 'dev', [tabbed('sentence', 'label'), tabbed('good ', '1')], { textA: 'good ', label: '1' }],
    ['sst', 'test', [tabbed('index', 'sentence'), tabbed('0', 'good ')], { textA: 'good ' }],
    ['mrpc', 'train', ['\ufeffQuality', tabbed('1', '7', '8', 'a "b', 'c')], { textA: 'a "b', textB: 'c', label: '1' }],
    ['mrpc', 'test', ['index', tabbed('0', '7', '8', 'a', 'b')], { textA: 'a', textB: 'b' }],
    [
      'sts',
      'train',
      ['index', tabbed('0', 'g', 'f', 'y', 'o', 's', 's', 'a', 'b', '3.80')],
      { textA: 'a', label: '3.80' }
    ],
    ['sts', 'test', ['index', tabbed('0', 'g', 'f', 'y', 'o', 's', 's', 'a', 'b')], { textA: 'a', textB: 'b' }],
    ['qqp', 'train', ['id', tabbed('0', '1', '2', 'a?', 'b?', '0')], { textA: 'a?', textB: 'b?', label: '0' }],
    ['qqp', 'test', ['id', tabbed('0', 'a?', 'b?')], { textA: 'a?', textB: 'b?' }],
    [
      ...(['mnli', 'dev'] as const),
      ['index', tabbed('0', '1', '2', '3', '4', '5', '6', '7', 'a', 'b', 'neutral', 'entailment', 'neutral')],
      { textA: 'a', textB: 'b', label: 'neutral' }
    ],
    ['mnli', 'test', ['index', tabbed('0', '1', '2', '3', '4', '5', '6', '7', 'a', 'b')], { textA: 'a', textB: 'b' }],
    ['mnli', 'diagnostic', ['index', tabbed('0', 'a', 'b')], { textA: 'a', textB: 'b' }],
    ['qnli', 'dev', ['index', tabbed('0', 'a?', 'b', 'not_entailment')], { textA: 'a?', label: 'not_entailment' }],
    ['rte', 'test', ['index', tabbed('0', 'a', 'b')], { textA: 'a', textB: 'b' }],
    ['wnli', 'train', ['index', tabbed('0', 'a', 'b', '1')], { textA: 'a', textB: 'b', label: '1' }]
  ])('%s has in %s what it should', (name, split, lines, expected) => {
    expect(read(name, split, lines)).toMatchObject([{ id: '0', ...expected }])
    expect('label' in read(name, split, lines)[0]).toBe('label' in expected)
  })

  it('has a training set with labels, and one submission for each file without', () => {
    const submissions = Object.values(glueTasks).flatMap((task) => {
      expect(task.files.train.columns.label).toBeDefined()
      return Object.values(task.files).flatMap(({ columns, submission }) => {
        expect(columns.label === undefined).toBe(submission !== undefined)
        return submission ?? []
      })
    })
    expect(submissions.sort()).toEqual(
      'AX CoLA MNLI-m MNLI-mm MRPC QNLI QQP RTE SST-2 STS-B WNLI'.split(' ').map((name) => `${name}.tsv`)
    )
  })

  it('that is doubled has each pair again, swapped, and numbered on', () => {
    const pairs = [
      { id: '0', textA: 'a', textB: 'b', label: '1' },
      { id: '1', textA: 'c', textB: 'd', label: '0' }
    ]
    expect(doubled(pairs)).toEqual([
      ...pairs,
      { id: '2', textA: 'b', textB: 'a', label: '1' },
      { id: '3', textA: 'd', textB: 'c', label: '0' }
    ])
    expect(doubled([{ id: '0', textA: 'a' }])).toHaveLength(1)
  })
})
