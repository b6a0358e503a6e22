/**
 * The examples, as a reader runs them: each in Node through tsx, importing the built package by its own name.
 */

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { built } from './built.js'

const folder = new URL('../examples/', import.meta.url)

/** What an example prints. It must end well, and have nothing to complain of. */
const outputOf = (name: string): string => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL(name, folder))],
    {
      encoding: 'utf8'
    }
  )
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

/** `browser/` is tested in a browser. */
describe('the examples', () => {
  beforeAll(() => {
    built('testing/index.js')
  })

  it('are the ones tested here', () => {
    expect(readdirSync(folder).sort()).toEqual([
      'browser',
      'descent.ts',
      'electra.ts',
      'gradient-check.ts',
      'gradient-property.ts',
      'library.ts'
    ])
  })

  it('descent.ts finds the weights that its targets were made with', () => {
    // The targets are 3 a - b exactly; 100 steps come within 1e-4 of that.
    const [first, second] = [...outputOf('descent.ts').matchAll(/-?\d\.\d+/g)].map(([digits]) => Number(digits))
    expect([Math.abs(first - 3) < 1e-4, Math.abs(second + 1) < 1e-4]).toEqual([true, true])
  })

  it('gradient-property.ts accepts the right derivative', () => {
    expect(outputOf('gradient-property.ts')).toBe('first and second derivatives agree\n')
  })

  it('library.ts learns exclusive or', () => {
    const output = outputOf('library.ts')
    expect(output).toMatch(/^tensor\(.*shape \[4, 1\], f32\)\n$/s)
    const answers = [...output.matchAll(/\[ *([\d.e-]+)\]/g)].map(([, digits]) => Number(digits))
    expect(answers).toHaveLength(4)
    // Half way between the labels is what an untrained network says; 200 steps bring every answer within a hundredth.
    expect(answers.map((answer) => Math.round(answer * 50) / 50)).toEqual([0, 1, 1, 0])
  })

  it('gradient-check.ts passes the right derivative and shrinks the wrong one to a single 1', () => {
    const [agreement, reason, argument, replay] = outputOf('gradient-check.ts').split('\n')
    // Two elements and two random directions, at both orders.
    expect(agreement).toBe('8 derivatives agree')
    // 1 - tanh(1) against 1 - tanh(1)^2, times the element's weight. At 0, the simplest value of all, the mistake does not show.
    const said = /^the gradient is wrong at element \[\d*\]: analytic ([\d.]+), numeric ([\d.]+) /.exec(reason)
    expect(Number(said?.[2]) / Number(said?.[1])).toBeCloseTo(1 + Math.tanh(1), 4)
    // Most searches, which have a seed of their own, come to the number 1, and a few to zeros with a 1 among them.
    expect(argument).toMatch(/^ {2}argument = tensor\((1|\[(0, )*1(, 0)*\]), shape \[\d*\], f32\)$/)
    expect(replay).toMatch(/replay: \{ seed: -?\d+, path: '[\d:]+' \}/)
  })

  it('electra.ts trains both networks on the shipped text', () => {
    const lines = outputOf('electra.ts').trimEnd().split('\n')
    expect(lines.map((line) => line.replace(/\d\.\d{3}/g, '_'))).toEqual(
      [20, 40, 60].map((n) => `step ${n}: masked LM _, discriminator _`)
    )
    const [first, , last] = lines.map((line) => Number(/masked LM ([\d.]+)/.exec(line)?.[1]))
    // Both start at chance, ln 500; one example's loss varies by a few hundredths between batches.
    expect(first).toBeLessThan(Math.log(500) + 0.1)
    expect(last).toBeLessThan(first - 0.1)
  })
})
