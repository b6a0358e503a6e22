import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { checkDeclaration, parseDeclaration } from '../../../src/electra/experiment/declaration.js'

const whole = {
  name: 'small',
  corpus: 'sample',
  config: 'nano',
  objectives: { electra: {}, mlm: {} },
  baseline: 'mlm',
  budgets: [{ steps: 10 }],
  seeds: [1, 2],
  tuning: { rates: [1e-3, 2e-3], seed: 9 },
  tasks: { a: { task: 'cola', data: 'a', metric: 'matthews', rates: [1e-4, 2e-4] } }
}

/** `path: found, expected`, of every problem. */
const problems = (change: object): ReadonlyArray<string> => {
  const checked = checkDeclaration({ ...whole, ...change })
  return E.isRight(checked) ? [] : checked.left.map(({ path, found, expected }) => `${path}: ${found}, ${expected}`)
}

const task = (change: object) => ({ tasks: { a: { ...whole.tasks.a, ...change } } })

describe('a declaration', () => {
  it('is complete with what is taken for granted', () => {
    const checked = checkDeclaration(whole)
    expect(checked).toMatchObject({
      right: {
        ...{ about: [], set: {}, untrained: true },
        objectives: { electra: { objective: 'electra' }, mlm: { objective: 'mlm' } },
        tasks: { a: { trials: 1, options: {} } }
      }
    })
  })

  it.each([
    [{ seeds: [] }, /^seeds: .*at least one of seeds/],
    [{ seeds: [1, 1] }, /^seeds: .*seeds that differ/],
    [{ seeds: [9] }, /^tuning\.seed: 9, none of seeds/],
    [{ seeds: [-1] }, /^seeds\.0: -1, an integer from 0/],
    [{ budgets: [{ steps: 0 }] }, /^budgets\.0\.steps: 0, an integer of at least 1/],
    [{ budgets: [{ flops: 1e9, accounting: 'dense' }] }, /^budgets\.0: .*published, sparse, executed/],
    [{ objectives: {} }, /^objectives: .*at least one/],
    [{ objectives: { bert: {}, mlm: {} } }, /^objectives\.bert\.objective: .*one of electra/],
    [{ objectives: { 'my objective': {}, mlm: {} } }, /^objectives: "my objective", a name of at most 40 letters/],
    [
      { objectives: { untrained: { objective: 'mlm' }, mlm: {} } },
      /^objectives\.untrained: an objective, another name/
    ],
    [{ baseline: 'bert' }, /^baseline: "bert", one of electra, mlm/],
    [{ contrasts: [] }, /^contrasts: \[\], at least one of pairs of arms/],
    [{ contrasts: [['electra']] }, /^contrasts\.0: .*, two arms/],
    [{ contrasts: [['electra', 'mlm'], 'mlm'] }, /^contrasts\.1: "mlm", two arms/],
    [{ baseline: 'constructor' }, /^baseline: "constructor", one of electra, mlm/],
    [{ tuning: { rates: [0], seed: 9 } }, /^tuning\.rates\.0: 0, a number above 0/],
    [{ tuning: { ...whole.tuning, trials: 0 } }, /^tuning\.trials: 0, an integer of at least 1/],
    [{ tuning: { ...whole.tuning, tasks: ['none'] } }, /^tuning\.tasks: "none", some of /],
    [{ tuning: { ...whole.tuning, tasks: [] } }, /^tuning\.tasks: \[\], at least one of tasks/],
    [{ set: { 'optimizer.learningRate': 1 } }, /^set\.optimizer\.learningRate: 1, nothing: tuning\.rates says it/],
    [{ sizes: { small: { 'training.steps': 9 } } }, /^sizes\.small\.training\.steps: 9, nothing: budgets says it/],
    [
      { objectives: { mlm: { 'optimizer.learningRate': 1 } } },
      /^objectives\.mlm\.optimizer\.learningRate: 1, nothing: tuning/
    ],
    [task({ options: { 'learning-rate': 1 } }), /^tasks\.a\.options\.learning-rate: 1, nothing: the experiment/],
    [task({ options: { 'from-scratch': true } }), /^tasks\.a\.options\.from-scratch: true, nothing/],
    [task({ metric: '' }), /^tasks\.a\.metric: .*the name of a number/],
    [task({ rate: 1 }), /^tasks\.a\.rate: an unknown key/],
    [{ colour: 1 }, /^colour: an unknown key/]
  ])('%j is refused, with the place and what is expected there', (change, expected) => {
    const found = problems(change)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(expected)
  })

  it('that is no JSON, or another value, is refused in a sentence, and never thrown at', () => {
    for (const text of ['', '{', '[]', 'null', '{"name": "a", "name": "b"}', JSON.stringify(whole).slice(0, -9)])
      expect(E.isLeft(parseDeclaration(text)), text).toBe(true)
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(whole)), fc.jsonValue(), (key, value) => {
        const checked = parseDeclaration(JSON.stringify({ ...whole, [key]: value }))
        if (E.isLeft(checked))
          checked.left.forEach(({ path, found, expected }) => {
            expect(path.split('.')[0]).toMatch(/^(\w+)?$/)
            expect(`${found}${expected}`).not.toContain('undefined')
          })
      })
    )
  })
})
