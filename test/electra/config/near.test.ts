import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configKeys } from '../../../src/electra/config/schema.js'
import { namesNear, pathsNear, showNear } from '../../../src/electra/config/near.js'
import { presetNames } from '../../../src/electra/config/presets.js'

const paths = configKeys.map(({ path }) => path)

const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz.')

/** A name with one slip of the hand in it: a letter left out, put in, taken for another, or two exchanged. */
const slip = (name: string): fc.Arbitrary<string> => {
  const at = fc.nat({ max: name.length - 1 })
  return fc.oneof(
    at.map((i) => name.slice(0, i) + name.slice(i + 1)),
    fc.tuple(at, letter).map(([i, x]) => name.slice(0, i) + x + name.slice(i)),
    fc.tuple(at, letter).map(([i, x]) => name.slice(0, i) + x + name.slice(i + 1)),
    at.map(
      (i) =>
        name.slice(0, i) +
        name
          .slice(i, i + 2)
          .split('')
          .reverse()
          .join('') +
        name.slice(i + 2)
    )
  )
}

const slips = (names: ReadonlyArray<string>): fc.Arbitrary<readonly [string, string]> =>
  fc.constantFrom(...names).chain((name) => slip(name).map((slipped) => [name, slipped] as const))

describe('what is near a name', () => {
  it('holds every key that is one slip away, unless that makes another key', () => {
    fc.assert(
      fc.property(slips(paths), ([path, slipped]) => {
        expect(pathsNear(slipped, paths)).toContain(paths.includes(slipped) ? slipped : path)
      }),
      { numRuns: 500 }
    )
  })

  it('holds every preset that is one slip away', () => {
    fc.assert(
      fc.property(slips(presetNames), ([name, slipped]) => {
        expect(namesNear(slipped, presetNames)).toContain(name)
      })
    )
  })

  it('is nothing for a word of other letters', () => {
    // No key has any of these.
    const others = fc.string({ unit: fc.constantFrom(...'jxéß0-7'), minLength: 3, maxLength: 30 })
    fc.assert(
      fc.property(others, fc.constantFrom('', 'model.', 'optimizer.'), (word, section) => {
        expect(pathsNear(section + word, paths)).toEqual([])
        expect(namesNear(word, presetNames)).toEqual([])
      })
    )
  })

  it.each([
    ['foo', []],
    ['optimizer.foo', []],
    ['hidden_size', ['model.hiddenSize', 'generator.hiddenSize']],
    ['model.learningRate', ['optimizer.learningRate']],
    ['optimizer.b3', ['optimizer.b1', 'optimizer.b2']],
    ['Batchsize', ['batchSize']]
  ])('%s: %j', (path, near) => {
    expect([...pathsNear(path, paths)].sort()).toEqual([...near].sort())
  })

  it('is told, where it is something', () => {
    expect([[], ['a'], ['a', 'b']].map(showNear)).toEqual(['', ": the nearest is 'a'", ": the nearest are 'a' and 'b'"])
  })
})
