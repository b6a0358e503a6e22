import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { expectFailure, inShell, jsonLines, pureElectra } from './cli.js'

const commands = [
  '',
  'demo',
  'corpus',
  'corpus build',
  'pretrain',
  'verify',
  'predict',
  'report',
  'profile',
  'flops',
  'finetune',
  'score',
  'rerank',
  'devices',
  'experiment',
  'config'
]

describe('--help', () => {
  it('of every command shows options and examples', async () => {
    await Promise.all(
      commands.map(async (command) => {
        const names = command.split(' ').filter((name) => name !== '')
        const { code, stdout, stderr } = await pureElectra(...names, '--help')
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
        expect(stdout).toContain(`Usage: ${['pure-electra', ...names].join(' ')} [`)
        expect(stdout).toMatch(/\nExamples:\n {2}\$ pure-electra \S/)
      })
    )
  })

  it('leaves out no command', async () => {
    const { stdout } = await pureElectra('--help')
    const listed = [...(/Commands:\n([^]*)\n\nExamples/.exec(stdout)?.[1].matchAll(/^ {2}(\S+)/gm) ?? [])].map(
      ([, name]) => name
    )
    expect([...listed, ''].sort()).toEqual(
      [...new Set([...commands.map((command) => command.split(' ')[0]), 'help'])].sort()
    )
  })
})

describe('--version', () => {
  it('is that of the package', async () => {
    const { code, stdout } = await pureElectra('--version')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('wrong usage', () => {
  it.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['pretrain', '--corpus', 'x', '--out', 'y', '--frobnicate'], "unknown option '--frobnicate'"],
    [['pretrain', '--out', 'x'], "required option '--corpus <dir>' not specified"],
    [
      ['pretrain', '--corpus', 'x', '--out', 'y', '--device', 'abacus'],
      'Allowed choices are auto, wasm, reference, webgpu.'
    ],
    [['pretrain', '--corpus', 'x', '--out', 'y', '--steps', '1e3'], 'Expected a positive integer.'],
    [['pretrain', '--corpus', 'x', '--out', 'y', '--seed', '-1'], 'Expected an integer of at least 0.'],
    [['predict', '--model', 'x', '--mark', '0', 'text'], 'Expected a number above 0.'],
    [
      ['corpus', 'build', '--input', 'x', '--out', 'y', '--vocab', 'z', '--vocab-size', '9'],
      'cannot be used with option'
    ],
    [['config', 'tiny', '--set', 'optimizer.learnRate=1'], "nearest is 'optimizer.learningRate'"],
    [['devices', 'extra'], 'too many arguments']
  ])('%j exits 2 with one sentence', async (args, words) => {
    expectFailure(await pureElectra(...args), 2, words)
  })

  it('is to ask for nothing, which shows what there is', async () => {
    const { code, stderr } = await pureElectra()
    expect(code).toBe(2)
    expect(stderr).toContain('Usage: pure-electra')
  })
})

describe('output that cannot be written', () => {
  it('is no failure where the reader has left', async () => {
    expect(await inShell('"$0" "$1" --help | true; exit ${PIPESTATUS[0]}')).toMatchObject({ code: 0, stderr: '' })
  })

  it.skipIf(!existsSync('/dev/full'))('is one where the disk is full, and told in one sentence', async () => {
    const { code, stderr } = await inShell('"$0" "$1" --help > /dev/full')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^pure-electra: could not write standard output: ENOSPC[^\n]*\n$/)
  })
})

describe('devices', () => {
  it('says of everything that can be chosen whether it is here', async () => {
    const ran = await pureElectra('devices', '--json')
    expect(ran.code).toBe(0)
    const [found, ...more] = jsonLines(ran)
    expect(more).toEqual([])
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'device', name: 'wasm', available: true }),
        expect.objectContaining({ kind: 'device', name: 'reference', available: true }),
        expect.objectContaining({ kind: 'multiplier', name: 'own', available: true }),
        expect.objectContaining({ kind: 'multiplier', name: 'gpu.js:cpu', available: true }),
        expect.objectContaining({ kind: 'multiplier', name: 'gpu.js:webgpu' })
      ])
    )
    const adapters = (found as unknown as ReadonlyArray<Readonly<Record<string, unknown>>>).filter(
      ({ kind }) => kind === 'adapter'
    )
    adapters.forEach(({ name, lacks, report }, i) => {
      expect(name).toBe(String(i))
      expect(report).toMatchObject({ limits: { storageBuffers: expect.any(Number) as unknown } })
      expect(lacks).toEqual(expect.any(Array))
    })
    expect((await pureElectra('devices')).stdout).toMatch(/^multiplier {2}gpu\.js:cpu +yes .*\n +lacks a GPU, /m)
  })
})
