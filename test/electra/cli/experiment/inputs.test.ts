import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { goingOn, parseInputs, type Inputs } from '../../../../src/electra/cli/experiment/inputs.js'

const executions = fc.record(
  { device: fc.constantFrom('wasm', 'webgpu'), matmul: fc.constantFrom('own', 'blas'), adapter: fc.nat(2) },
  { requiredKeys: [] }
)

const inputs: fc.Arbitrary<Inputs> = fc
  .record(
    {
      execution: executions,
      configurations: fc.dictionary(fc.constantFrom('electra', 'mlm'), fc.constantFrom('00', '11')),
      corpus: fc.constantFrom('aa', 'bb')
    },
    { requiredKeys: ['execution', 'configurations'] }
  )
  .map((value) => JSON.parse(JSON.stringify(value)) as Inputs)

describe('what an experiment was begun with', () => {
  it('is read as it was written, and nothing else is', () => {
    fc.assert(
      fc.property(inputs, (kept) => {
        expect(parseInputs(JSON.stringify(kept))).toEqual(E.right(kept))
      })
    )
    for (const text of ['', '{}', '[]', '{"execution": {"device": 1}, "configurations": {}}'])
      expect(E.isLeft(parseInputs(text)), text).toBe(true)
  })

  it('is gone on with where nothing is given, and where the same is', () => {
    fc.assert(
      fc.property(inputs, (kept) => {
        expect(goingOn(kept, { ...kept, execution: {} })).toEqual(E.right(kept.execution))
        expect(goingOn(kept, kept)).toEqual(E.right(kept.execution))
      })
    )
  })

  it('is gone on with by nothing else', () => {
    fc.assert(
      fc.property(inputs, inputs, (kept, now) => {
        const isOther = (['device', 'matmul', 'adapter'] as const).some(
          (key) => now.execution[key] !== undefined && now.execution[key] !== kept.execution[key]
        )
        const ids = Object.keys(kept.configurations)
        const isChanged = ids.some((id) => kept.configurations[id] !== now.configurations[id])
        expect(E.isLeft(goingOn(kept, now))).toBe(isOther || isChanged || kept.corpus !== now.corpus)
      })
    )
  })
})
