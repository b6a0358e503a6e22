import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { glueTasks } from '../../../src/electra/tasks/glue.js'
import {
  printAnswers,
  printGlue,
  printNullScores,
  showSubmissionError
} from '../../../src/electra/tasks/submissions.js'
import { left, right } from '../data/right.js'

describe('predictions for a benchmark', () => {
  it('are a table of the names of classes', () => {
    const predictions = [2, 0, 1].map((value, i) => ({ id: String(i), value }))
    expect(right(printGlue(glueTasks.mnli)(predictions))).toBe(
      'index\tprediction\n0\tneutral\n1\tcontradiction\n2\tentailment\n'
    )
    expect(right(printGlue(glueTasks.cola)([{ id: '0', value: 1 }]))).toBe('index\tprediction\n0\t1\n')
  })

  it('are a table of scores in their range', () => {
    const predictions = [-0.2, 3.14159, 5.5].map((value, i) => ({ id: String(i), value }))
    expect(right(printGlue(glueTasks.sts)(predictions))).toBe('index\tprediction\n0\t0.000\n1\t3.142\n2\t5.000\n')
  })

  it('are not written where they are none', () => {
    for (const value of [-1, 2, 0.5, NaN])
      expect(showSubmissionError(left(printGlue(glueTasks.rte)([{ id: '7', value }])))).toBe(
        `the prediction of 7 cannot be written: found ${value}, expected a class from 0 to 1`
      )
    expect(left(printGlue(glueTasks.sts)([{ id: '7', value: NaN }]))).toMatchObject({ expected: 'a number' })
    expect(left(printNullScores([['q', Infinity]]))).toMatchObject({ id: 'q', found: 'Infinity' })
  })

  const ids = fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('2', '10', '1', '__proto__'))

  it('come back from the JSON that they are written as', () => {
    fc.assert(
      fc.property(
        fc.dictionary(ids, fc.string()),
        fc.dictionary(
          ids,
          fc.integer().map((n) => n / 8)
        ),
        (answers, scores) => {
          expect(JSON.parse(printAnswers(Object.entries(answers)))).toEqual(answers)
          expect(JSON.parse(right(printNullScores(Object.entries(scores))))).toEqual(scores)
        }
      )
    )
  })

  it('stay in their order, which decides between equal scores', () => {
    const printed = printAnswers([
      ['2', 'b'],
      ['1', 'a']
    ])
    expect(printed).toBe('{\n  "2": "b",\n  "1": "a"\n}\n')
    expect(printAnswers([])).toBe('{}\n')
  })
})
