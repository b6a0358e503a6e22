import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../../src/electra/config/config.js'
import { resolveConfig } from '../../../../src/electra/config/resolve.js'
import { showStoreError } from '../../../../src/electra/store/errors.js'
import { betterOf, checkResume } from '../../../../src/electra/store/checkpoints/resume.js'
import { computedPart } from '../../../../src/electra/store/digest.js'
import { identityOf, preset } from './checkpoint-cases.js'

const changed = (overrides: object): ElectraConfig => {
  const resolved = resolveConfig({ extends: 'nano', ...overrides })
  if (E.isLeft(resolved)) throw new Error('the case is not a configuration')
  return resolved.right
}

const run = identityOf()

describe('continuing from a checkpoint', () => {
  it('is allowed for the same run', () => {
    expect(checkResume(run, identityOf())).toEqual(E.right(undefined))
  })

  it('names everything that differs, and what only one of them has', () => {
    const other = identityOf({
      config: computedPart(
        changed({ optimizer: { learningRate: 0.5 }, model: { layers: 3, initialAttention: 'flat' } })
      ),
      corpus: 'other',
      seed: 8,
      steps: 61
    })
    const result = checkResume(other, run)
    expect(E.isLeft(result) && showStoreError(result.left)).toBe(
      [
        'the checkpoint belongs to another run:',
        '  config.model.layers: the checkpoint has 2, this run 3',
        '  config.model.initialAttention: the checkpoint has nothing, this run "flat"',
        '  config.generator.layers: the checkpoint has 2, this run 3',
        '  config.optimizer.learningRate: the checkpoint has 0.001, this run 0.5',
        '  corpus: the checkpoint has "c0ffee", this run "other"',
        '  seed: the checkpoint has 7, this run 8',
        '  steps: the checkpoint has 60, this run 61'
      ].join('\n')
    )
    const back = checkResume(run, other)
    expect(E.isLeft(back) && showStoreError(back.left)).toContain(
      'config.model.initialAttention: the checkpoint has "flat", this run nothing'
    )
  })

  it('with another problem is refused', () => {
    expect(E.isLeft(checkResume(identityOf({ problem: 'fine-tuning' }), run))).toBe(true)
  })

  it.each(['small', 'base', 'large', 'tiny', 'demo'] as const)('from nano to %s is refused', (name) => {
    expect(E.isLeft(checkResume(identityOf({ config: computedPart(preset(name)) }), run))).toBe(true)
  })
})

describe('the best held-out loss', () => {
  it('is the least, the first of equals, and never NaN', () => {
    const loss = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(NaN))
    fc.assert(
      fc.property(fc.array(loss), (losses) => {
        const best = losses
          .map((loss, step) => ({ step, loss }))
          .reduce<ReturnType<typeof betterOf>>(betterOf, undefined)
        const numbers = losses.filter((x) => !Number.isNaN(x))
        const least = Math.min(...numbers)
        expect(best).toEqual(numbers.length === 0 ? undefined : { step: losses.indexOf(least), loss: least })
      })
    )
  })
})
