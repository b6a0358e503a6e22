import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { describe, expect, it } from 'vitest'
import { demoAdvice, pretrainAdvice } from '../../../src/electra/cli/advice.js'
import { showRunError } from '../../../src/electra/cli/show-error.js'
import type { RunError } from '../../../src/electra/training/run.js'

const gone = { _tag: 'Gone', path: 'out/checkpoints', saved: 'aside/checkpoint' } as const
const cause = { _tag: 'WorkerExited', worker: 1, code: 3 } as const

/** Every error of a run after which there is something to do about it. */
const errors: ReadonlyArray<RunError> = [
  { _tag: 'RunExists', out: 'out', step: 4 },
  { _tag: 'NothingToResume', out: 'out' },
  { _tag: 'NotResumable', differences: [{ what: 'seed', found: '1', expected: '2' }] },
  gone,
  { _tag: 'StepFailed', step: 4, cause, saved: O.none, last: 'out/before' },
  { _tag: 'StepFailed', step: 4, cause, saved: O.some(E.right('out/checkpoint')), last: undefined },
  { _tag: 'StepFailed', step: 4, cause, saved: O.some(E.left(gone)), last: undefined },
  { _tag: 'StateUnread', step: 4, cause, last: 'out/before' },
  { _tag: 'StateUnread', step: 4, cause, last: undefined }
]

describe('what people are told to do about a run', () => {
  it.each(errors)('after $_tag is what the command that made it can do', (error) => {
    expect(showRunError(error, pretrainAdvice)).toMatch(/--(resume|out)/)
    const ofDemo = showRunError(error, demoAdvice)
    expect(ofDemo).toMatch(/--out/)
    // `demo` has no such option.
    expect(ofDemo).not.toContain('--resume')
  })
})
