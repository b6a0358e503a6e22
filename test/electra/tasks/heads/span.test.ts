import { describe, expect, it } from 'vitest'
import { jointSpans } from '../../../../src/electra/tasks/heads/span.js'
import { scalar } from '../../../../src/tensor/index.js'
import { distance, numbersByPath, numbersOf } from '../../objective/cases.js'
import { cases, golden, joint } from './cases.js'

const [official, independent] = ['spans.official', 'spans.huggingface'].map((name) => {
  const found = cases.find((c) => c.name === name)
  if (found === undefined) throw new Error(name)
  return found
})

describe('the joint head of answers', () => {
  const beams = numbersByPath(official.predict(official.params))

  it.each(['starts', 'startLogProbs', 'ends', 'endLogProbs', 'answerability'])(
    'finds the %s that PyTorch finds',
    (path) => {
      expect(distance(beams.get(path) ?? [], numbersOf(golden(`beams.${path}`)))).toBeLessThan(1e-9)
    }
  )

  it('predicts for the right start the ends that it was trained on', () => {
    // The last start of a beam of all positions, as of any, has the ends of training with that start.
    const all = jointSpans({ ...joint, beamSize: 10 })
    const inputs = { ids: golden('inputs.ids'), mask: golden('inputs.mask'), types: golden('inputs.types') }
    const found = numbersByPath(all.predict(official.params, inputs))
    const [starts, ends, logProbs] = ['starts', 'ends', 'endLogProbs'].map((path) => found.get(path) ?? [])
    const start = 6
    const at = starts.slice(0, 10).indexOf(start)
    const { outputs } = official.lossOf(official.params, official.batch, scalar(1))
    const logits = (numbersByPath(outputs).get('endLogits') ?? []).slice(0, 10)
    const normaliser = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0))
    const expected = ends.slice(at * 10, at * 10 + 10).map((t) => logits[t] - normaliser)
    expect(distance(logProbs.slice(at * 10, at * 10 + 10), expected)).toBeLessThan(1e-9)
  })
})

describe('logits of answers', () => {
  it.each([official, independent])(
    'of $name are lowered by 1000 but for [CLS] and the real tokens of segment 1',
    (head) => {
      const { outputs } = head.lossOf(head.params, head.batch, scalar(1))
      const [mask, types] = [numbersOf(golden('inputs.mask')), numbersOf(golden('inputs.types'))]
      const found = numbersByPath(outputs)
      for (const path of ['startLogits', 'endLogits'])
        found.get(path)?.forEach((x, i) => {
          expect(x > -500).toBe(i % 10 === 0 || (mask[i] === 1 && types[i] === 1))
        })
    }
  )
})
