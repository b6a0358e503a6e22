import { describe, expect, it } from 'vitest'
import { knownColumns, labelOf } from '../../../src/electra/report/columns.js'

describe('what a number is called', () => {
  it.each([
    ['maskedLmLoss', 'masked-LM loss'],
    ['maskedLmAccuracy', 'masked-LM accuracy'],
    ['discriminatorPrecision', 'discriminator precision'],
    ['anAucOfTwo', 'an AUC of two'],
    ['tokens', 'tokens']
  ])('%s is %s', (name, label) => {
    expect(labelOf(knownColumns(), name)).toBe(label)
  })
})
