/**
 * `profile` as a process. How long anything takes decides nothing here.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { itOnWebGpu } from '../../tensor/run/multipliers/webgpu.js'
import { textOf } from '../training/runs.js'
import { expectFailure, jsonLines, pureElectra } from './cli.js'

let directory = ''
const at = (name: string): string => join(directory, name)
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-cli-profile-'))
  await writeFile(at('text.txt'), textOf(52))
  await writeFile(at('broken.json'), '{ "extends": "nano", "layers": 3 }')
  const built = await pureElectra(
    ...['corpus', 'build', '--input', at('text.txt'), '--out', at('corpus'), '--vocab-size', '60']
  )
  expect(built).toMatchObject({ code: 0 })
})
afterAll(() => rm(directory, { recursive: true }))

const profile = (...more: ReadonlyArray<string>) =>
  pureElectra('profile', '--config', 'nano', '--matmul', 'own', '--rounds', '1', ...more)

type Line = {
  readonly programs: ReadonlyArray<{
    readonly name: string
    readonly seconds: number
    readonly launches?: number
    readonly groups: ReadonlyArray<{ readonly kernels: number; readonly flops: number; readonly seconds: number }>
  }>
}

describe('profile', () => {
  it('--json writes one line: what was measured, and every kernel of both programs', async () => {
    const ran = await profile('--vocab-size', '60', '--batch', '3', '--json')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    const [line, ...more] = jsonLines(ran)
    expect(more).toEqual([])
    expect(line).toMatchObject({
      config: 'nano',
      examples: 3,
      sequenceLength: 16,
      vocabSize: 60,
      tokens: 'drawn at random',
      device: 'wasm',
      multiplier: 'own',
      relaxedSimd: false,
      rounds: 1
    })
    const { programs } = line as unknown as Line
    expect(programs.map(({ name }) => name)).toEqual(['shardGrad', 'update'])
    for (const { seconds, groups } of programs) {
      expect(groups.length).toBeGreaterThan(0)
      expect(groups.every(({ kernels, flops }) => kernels >= 1 && flops >= 0)).toBe(true)
      expect(groups.reduce((sum, group) => sum + group.seconds, 0)).toBeLessThanOrEqual(seconds)
    }
  })

  it('takes tokens and vocabulary from a corpus, and the number of examples from the configuration', async () => {
    const [line] = jsonLines(await profile('--corpus', at('corpus'), '--json'))
    // nano has two shards of two examples.
    expect(line).toMatchObject({ tokens: at('corpus'), examples: 2, vocabSize: expect.any(Number) as unknown })
    const fewer = String(Number(line.vocabSize) - 1)
    const refused = await profile('--corpus', at('corpus'), '--vocab-size', fewer)
    expectFailure(
      refused,
      2,
      `--vocab-size: found ${fewer}, expected the corpus's ${String(line.vocabSize)} at least\n`
    )
    const more = await profile('--corpus', at('corpus'), '--vocab-size', '500', '--json')
    expect(jsonLines(more)).toMatchObject([{ vocabSize: 500 }])
  })

  it('tells people in two tables, of as many rows as they ask for', async () => {
    const { code, stdout, stderr } = await profile('--vocab-size', '60', '--limit', '4')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^nano: 2 examples of 16 tokens \(drawn at random\), 60 pieces\non wasm, matmul own; /)
    for (const title of ['gradient of the shard', 'update'])
      expect(stdout).toMatch(new RegExp(`\n\n${title}\n +ms +of time [^\n]+\n(?: [^\n]+\n){4} [^\n]+ \\d+ more\n\n`))
  })

  it('--explain lists kernels and runs nothing: not even a step that no memory holds', async () => {
    // Two states of 50 million embeddings of 8 numbers, each with two moments: 9.6 GB, and there are 4.3 at most.
    const tooLarge = ['--vocab-size', '50000000']
    expectFailure(await profile(...tooLarge), 1, /^pure-electra: memory: .* wanted with .* in use/)
    const people = await profile(...tooLarge, '--explain')
    expect(people).toMatchObject({ code: 0, stderr: '' })
    expect(people.stdout).toMatch(/^(?!#)[^\n]+\n(?!#)[^\n]+\n\n# gradient of the shard\n/)
    expect(people.stdout).toMatch(/\n\nmemory +\d+\.\d MB planned, [^\n]+\n$/)
    const programs = people.stdout.split(/^# (.*)\n/m)
    expect(programs.filter((_, i) => i % 2 === 1)).toEqual(['gradient of the shard', 'update'])
    const ran = await profile(...tooLarge, '--explain', '--json')
    const [line, ...more] = jsonLines(ran)
    expect(more).toEqual([])
    type Explained = { readonly name: string; readonly kernels: ReadonlyArray<string> }
    const explained = line.programs as ReadonlyArray<Explained>
    expect(explained.map(({ name }) => name)).toEqual(['shardGrad', 'update'])
    explained.forEach(({ kernels }, i) => {
      expect(kernels.length).toBeGreaterThan(0)
      kernels.forEach((kernel) => expect(programs[2 * i + 2]).toContain(kernel))
    })
  })

  itOnWebGpu('on a GPU measures by timestamps, and says so', async () => {
    const onGpu = ['--vocab-size', '60', '--device', 'webgpu', '--adapter', '0']
    const ran = await profile(...onGpu, '--json')
    expect(ran.code).toBe(0)
    expect(jsonLines(ran)).toMatchObject([{ device: 'webgpu', multiplier: 'own', clock: 'device' }])
    const { programs } = jsonLines(ran)[0] as unknown as Line
    expect(programs.map(({ launches }) => launches !== undefined && launches > 0)).toEqual([true, true])
  })

  it.each([
    [['--batch', '0'], 2, 'Expected a positive integer.'],
    [['--batch', '1.5'], 2, 'Expected a positive integer.'],
    [['--rounds', 'x'], 2, 'Expected a positive integer.'],
    [['--rounds', '0'], 2, 'Expected a positive integer.'],
    [['--limit', '-1'], 2, 'Expected a positive integer.'],
    [['--vocab-size', '5'], 2, 'Expected an integer of at least 6.'],
    [['--seed', '-1'], 2, 'Expected an integer of at least 0.'],
    [['--config', 'nowhere'], 2, /--config nowhere: found neither a preset \(.*nano.*\) nor a readable file: ENOENT/],
    [['--precision', 'mixed'], 2, '--precision mixed: found it with the device auto, expected --device webgpu'],
    [['--adapter', '0'], 2, '--adapter: found it with the device auto, expected --device webgpu'],
    [['--adapter', 'x', '--device', 'webgpu'], 2, 'Expected an integer of at least 0.'],
    [['--matmul', 'abacus'], 2, 'Allowed choices are auto, own, '],
    [['--device', 'reference', '--relaxed-simd'], 2, '--relaxed-simd: only the device wasm'],
    [['--device', 'reference'], 1, /reference: found no kernels to profile, .* expected a device that compiles them/],
    [['extra'], 2, 'too many arguments']
  ])('with %j exits %i with one sentence', async (args, code, words) => {
    expectFailure(await profile(...args), code as 1 | 2, words)
  })

  it('says which file is not what it should be', async () => {
    expectFailure(await profile('--config', at('broken.json')), 1, /broken\.json: .*\n {2}layers: found an unknown key/)
    expectFailure(await profile('--corpus', at('nowhere')), 1, /nowhere: found no corpus/)
  })
})
