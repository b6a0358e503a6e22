import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolved, type Asked, type Resolved } from '../../../../src/electra/cli/experiment/resolve.js'
import { experimentNames, type ExperimentName } from '../../../../src/electra/experiment/presets.js'

const resolve = async (asked: Asked): Promise<Resolved> => {
  const found = await resolved(asked, 'out')()
  if (E.isLeft(found)) throw new Error(found.left.message)
  return found.right
}

describe('every experiment by name', () => {
  it.each(experimentNames)('%s has arms whose configurations hold', async (name) => {
    const { declaration, arms } = await resolve({ experiment: name })
    expect(declaration.name).toBe(name)
    expect(new Set(arms.map(({ objective }) => objective))).toEqual(new Set(Object.keys(declaration.objectives)))
    expect(new Set(arms.map(({ id }) => id)).size).toBe(arms.length)
    expect(declaration.seeds).not.toContain(declaration.tuning.seed)
  })

  const armIds = async (name: ExperimentName): Promise<ReadonlyArray<string>> =>
    (await resolve({ experiment: name })).arms.map(({ id }) => id)

  it('compares what it is named for', async () => {
    expect(await armIds('evening')).toEqual(['electra', 'mlm'])
    expect((await resolve({ experiment: 'evening' })).declaration.seeds.length).toBeGreaterThanOrEqual(5)
    expect(await armIds('generator-sizes')).toEqual([
      'electra-g0.125',
      'electra-g0.25',
      'electra-g0.5',
      'electra-g1',
      'mlm'
    ])
    expect(await armIds('efficiency')).toEqual(['electra', 'electra-15', 'replace-mlm', 'all-tokens-mlm', 'mlm'])
  })

  it('gives every objective the same rates to choose from', async () => {
    const { tuning } = (await resolve({ experiment: 'evening' })).declaration
    expect(tuning.rates.length).toBeGreaterThanOrEqual(3)
  })
})

describe('a declaration in a file', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'declared-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  const declaration = {
    name: 'own',
    corpus: 'text',
    config: 'nano',
    objectives: { electra: {}, mlm: {} },
    baseline: 'mlm',
    budgets: [{ steps: 1 }],
    seeds: [1],
    tuning: { rates: [1e-3], seed: 2 },
    tasks: {
      own: {
        task: 'sentence',
        options: { train: 'own/train.txt', dev: '/elsewhere/dev.tsv.gz', 'text-a': 'text', label: 'label' },
        metric: 'accuracy',
        rates: [1e-3]
      }
    }
  }

  it('names files beside it, absolute ones as they are, and those of --corpus and --data in their place', async () => {
    const file = join(directory, 'own.json')
    await writeFile(file, JSON.stringify(declaration))
    const { corpus, tasks } = (await resolve({ experiment: file })).declaration
    expect(corpus).toBe(join(directory, 'text'))
    expect(tasks.own.options).toMatchObject({
      train: join(directory, 'own/train.txt'),
      dev: '/elsewhere/dev.tsv.gz',
      'text-a': 'text'
    })
    const given = (await resolve({ experiment: file, corpus: 'books', data: 'tasks' })).declaration
    expect(given.corpus).toBe('books')
    expect(given.tasks.own.options).toMatchObject({ train: 'tasks/own/train.txt', dev: '/elsewhere/dev.tsv.gz' })
  })

  it.each<readonly [object, RegExp]>([
    [{ metric: 'acuracy' }, /tasks\.own\.metric: found 'acuracy', expected one of accuracy, f1, matthews$/],
    [{ task: 'sts', data: 'STS-B', options: {}, metric: 'mse' }, /found 'mse', expected one of spearman, pearson$/],
    [{ task: 'pos', data: 'UD', options: {}, metric: 'f1' }, /found 'f1', expected one of accuracy$/],
    [{ task: 'squad', data: 'squad', options: {}, metric: 'total' }, /found 'total', expected one of exact, f1/],
    [{ task: 'cola', options: {} }, /tasks\.own: found what is refused \(--task cola: expected --data/],
    [{ options: { train: 'a.tsv' } }, /tasks\.own: .*expected --train, --dev, --text-a and --label/],
    [{ task: 'bert', options: {} }, /tasks\.own\.task: found 'bert', expected one of cola, /],
    [{ options: { ...declaration.tasks.own.options, epoch: 3 } }, /own\.options: .*unknown option '--epoch'/],
    [{ options: { ...declaration.tasks.own.options, epochs: 'three' } }, /own\.options: .*'three' is invalid/],
    [
      { options: { ...declaration.tasks.own.options, 'sequence-length': 1000 } },
      /tasks\.own\.options\.sequence-length: found 1000, expected at most \d+, the positions of electra$/
    ]
  ])('is refused before anything is run where fine-tuning would be: %j', async (change, message) => {
    const file = join(directory, 'wrong.json')
    await writeFile(file, JSON.stringify({ ...declaration, tasks: { own: { ...declaration.tasks.own, ...change } } }))
    await expect(resolve({ experiment: file })).rejects.toThrow(message)
  })

  it('names no directory of this machine where none was given', async () => {
    const { declaration: evening } = await resolve({ experiment: 'evening', data: 'tasks' })
    expect(JSON.stringify(evening)).not.toContain(process.cwd())
    expect(evening.corpus).toBe('corpus')
    expect(evening.tasks.pos.data).toBe('tasks/UD_English-EWT')
  })

  it('asks each size for a configuration that holds, not what all have in common', async () => {
    const file = join(directory, 'sizes.json')
    const sizes = { narrow: { 'model.hiddenSize': 96 }, wide: { 'model.hiddenSize': 192 } }
    // Six heads go into neither the 128 of the preset nor half of them.
    const set = { 'model.heads': 6, 'generator.heads': 6 }
    await writeFile(file, JSON.stringify({ ...declaration, config: 'tiny', set, sizes }))
    const { configurations } = await resolve({ experiment: file })
    expect([...configurations].map(([id, { model }]) => [id, model.hiddenSize])).toEqual([
      ['electra-narrow', 96],
      ['electra-wide', 192],
      ['mlm-narrow', 96],
      ['mlm-wide', 192]
    ])
  })

  it('has no two arms of one name', async () => {
    const file = join(directory, 'twice.json')
    const objectives = { a: { objective: 'mlm' }, 'a-x': { objective: 'mlm' } }
    const sizes = { 'x-y': {}, y: {} }
    await writeFile(file, JSON.stringify({ ...declaration, objectives, baseline: 'a', sizes }))
    expect(await resolved({ experiment: file }, 'out')()).toMatchObject({
      left: { message: expect.stringContaining('both called a-x-y') as string }
    })
  })

  it.each<readonly [ReadonlyArray<ReadonlyArray<string>>, RegExp | undefined]>([
    [[['electra-g0.25', 'electra-g0.5']], undefined],
    [
      [['electra', 'mlm']],
      /contrasts\.0: found 'electra', expected two of the arms electra-g0\.25, electra-g0\.5, mlm$/
    ],
    [[['mlm', 'mlm']], /contrasts\.0: found 'mlm' twice, expected two arms$/],
    [
      [
        ['electra-g0.25', 'mlm'],
        ['mlm', 'electra-g0.25']
      ],
      /contrasts\.1: found 'mlm' and 'electra-g0\.25' again, expected each pair once$/
    ]
  ])('has contrasts of its arms: %j', async (contrasts, message) => {
    const file = join(directory, 'contrasts.json')
    const { objectives: _, ...rest } = declaration
    const objectives = { electra: {}, mlm: {} }
    await writeFile(file, JSON.stringify({ ...rest, objectives, generatorSizes: [0.25, 0.5], contrasts }))
    if (message === undefined) expect((await resolve({ experiment: file })).declaration.contrasts).toEqual(contrasts)
    else await expect(resolve({ experiment: file })).rejects.toThrow(message)
  })

  it('says which task it does not know', async () => {
    const file = join(directory, 'unknown.json')
    await writeFile(file, JSON.stringify({ ...declaration, tasks: { a: { ...declaration.tasks.own, task: 'cloa' } } }))
    expect(await resolved({ experiment: file }, 'out')()).toMatchObject({
      left: { message: expect.stringMatching(/tasks\.a\.task: found 'cloa', expected one of .*cola/) as string }
    })
  })
})
