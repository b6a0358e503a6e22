/**
 * Names out of files and directories that somebody else has made: whatever they are, nothing outside is read as weights, written
 * or removed.
 */

import { cpSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { loadCheckpoint, saveCheckpoint } from '../../../src/electra/store/checkpoints/checkpoint.js'
import { parseState, printState } from '../../../src/electra/store/checkpoints/checkpoint-state.js'
import { showStoreError, type StoreError } from '../../../src/electra/store/errors.js'
import { acquirePartial } from '../../../src/electra/store/files/partial.js'
import { importModel } from '../../../src/electra/store/models/model-files.js'
import { acquireRunDirectory } from '../../../src/electra/training/run-directory.js'
import { solo } from '../../../src/workers/index.js'
import { right } from '../data/right.js'
import { checkpointOf, identityOf, inDirectory, leftOf, rightOf } from './checkpoints/checkpoint-cases.js'

const sharded = fileURLToPath(new URL('../../fixtures/transformers/sharded', import.meta.url))
const aShard = 'model-00001-of-00003.safetensors'

/** Names that are no file's of the directory that holds them. */
const crafted = (outside: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(
      ...['', '.', '..', '/', '..\\', 'a\0', 'a\nb', 'a\u2028b', 'x'.repeat(300), '__proto__', 'constructor'],
      ...['', '../outside/', `${outside}/`, './', 'below/../', '..\\outside\\'].map((way) => `${way}\0${aShard}`),
      ...['../outside/', `${outside}/`, './', 'below/../', '..\\outside\\'].map((way) => way + aShard)
    ),
    fc
      .array(fc.constantFrom('..', '.', '', 'outside', 'inside', '\0', 'x'.repeat(300)), { minLength: 1, maxLength: 5 })
      .map((parts) => `${parts.join('/')}/${aShard}`)
  )

/** Everything below a directory: contents, and where links lead. */
const treeOf = (root: string): ReadonlyArray<readonly [string, string]> =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .map((entry): readonly [string, string] => {
      const path = join(entry.parentPath, entry.name)
      if (entry.isSymbolicLink()) return [path, `-> ${readlinkSync(path)}`]
      return [path, entry.isDirectory() ? '' : readFileSync(path).toString('base64')]
    })
    .sort(([a], [b]) => (a < b ? -1 : 1))

/** A directory with all that one could want to get at, which must be as it was afterwards. */
const besideOutside = <A>(use: (outside: string, parent: string) => Promise<A>): Promise<A> =>
  inDirectory(async (parent) => {
    const outside = join(parent, 'outside')
    cpSync(sharded, outside, { recursive: true })
    for (const step of [10, 20, 30]) await rightOf(saveCheckpoint(outside, checkpointOf(step), { keep: 9 }))
    for (const name of ['discriminator', '.pure-electra-tmp-theirs', '.pure-electra-old-theirs', 'notes']) {
      mkdirSync(join(outside, name))
      writeFileSync(join(outside, name, 'precious'), name)
    }
    writeFileSync(join(outside, 'precious'), '')
    const before = treeOf(outside)
    const result = await use(outside, parent)
    expect(treeOf(outside)).toEqual(before)
    return result
  })

const expectSentence = (e: StoreError, words: string): void => {
  const text = showStoreError(e)
  expect(text).toContain(words)
  expect(text).not.toMatch(/[\n\0\u2028]/)
  expect(text.length).toBeLessThan(400)
}

describe('a name that leads elsewhere', () => {
  it('is no shard of a model', () =>
    besideOutside(async (outside, parent) => {
      const inside = join(parent, 'inside')
      cpSync(sharded, inside, { recursive: true })
      const path = join(inside, 'model.safetensors.index.json')
      const { weight_map: shards } = JSON.parse(readFileSync(path, 'utf8')) as { weight_map: Record<string, string> }
      await rightOf(importModel(inside, 'discriminator'))
      await fc.assert(
        fc.asyncProperty(crafted(outside), fc.constantFrom(...Object.keys(shards)), async (name, tensor) => {
          writeFileSync(path, JSON.stringify({ weight_map: { ...shards, [tensor]: name } }))
          expectSentence(await leftOf(importModel(inside, 'discriminator')), 'beside the index')
        })
      )
    }))

  it('is no file of a checkpoint', () =>
    besideOutside(async (outside, parent) => {
      const checkpoint = await rightOf(saveCheckpoint(join(parent, 'inside'), checkpointOf(30), { keep: 1 }))
      const path = join(checkpoint, 'state.json')
      const state = right(parseState(path)(readFileSync(path, 'utf8')))
      await fc.assert(
        // No key of that name comes out of JSON here.
        fc.asyncProperty(
          crafted(outside).filter((name) => name !== '__proto__'),
          fc.boolean(),
          async (name, isAlone) => {
            const own = Object.entries(state.files)
            const files = Object.fromEntries([...(isAlone ? [] : own), [name, own[0][1]]])
            writeFileSync(path, printState({ ...state, files }))
            const e = await leftOf(loadCheckpoint(checkpoint))
            expect(e._tag).toBe('Corrupt')
            expectSentence(e, path)
          }
        )
      )
    }))
})

const identity = identityOf()

/** All that a run writes in its directory, until something says no. */
const runIn = async (out: string, resume: boolean): Promise<StoreError | undefined> => {
  const options = { out, resume, keepCheckpoints: 1, checkpointEvery: 10, totalSteps: 60, config: {} }
  const acquired = await acquireRunDirectory(options, identity, solo)()
  if (E.isLeft(acquired))
    return acquired.left._tag in { Corrupt: 0, FileFailure: 0 } ? (acquired.left as StoreError) : undefined
  const directory = acquired.right
  try {
    const begun = await directory.begin()
    if (E.isLeft(begun)) return undefined
    const where = { device: 'wasm', multiplier: 'own', workers: 1, ranks: 1, relaxedSimd: false } as const
    const opened = await directory.open(begun.right, { step: 0, owesEvaluation: false }, where)()
    if (E.isLeft(opened)) return undefined
    await opened.right.metrics.append({ kind: 'step', step: 40 })()
    await opened.right.metrics.sync()
    await directory.save(40, TE.right(checkpointOf(40)))()
    return undefined
  } finally {
    await directory.release()
  }
}

/** Where a link may stand in a run's directory, and where it may lead. */
const places = [
  ...['checkpoints', 'model', 'metrics.jsonl', 'run.json', 'config.json', 'report.json', '.lock'],
  ...['.pure-electra-tmp-x', '.pure-electra-old-x', 'checkpoints/.lock', 'checkpoints/checkpoint-00000010'],
  ...[
    'checkpoints/checkpoint-00000040',
    'checkpoints/.pure-electra-tmp-x',
    'model/discriminator',
    'model/.pure-electra-old-y'
  ]
]

describe('a link in the directory of a run', () => {
  it.each(places)('lets nothing out as its %s, wherever that leads', (place) =>
    besideOutside(async (outside, parent) => {
      const targets = place === '.lock' ? ['', 'nothing', 'precious'] : ['', 'precious', 'checkpoint-00000010']
      for (const [i, target] of [...targets, ...targets].entries()) {
        const [out, resume] = [join(parent, `run-${i}`), i < targets.length]
        mkdirSync(out)
        for (const name of ['checkpoints', 'model']) if (name !== place) mkdirSync(join(out, name))
        if (resume && place !== 'checkpoints')
          await rightOf(saveCheckpoint(join(out, 'checkpoints'), checkpointOf(30), { keep: 1 }))
        symlinkSync(join(outside, target), join(out, place))
        const before = treeOf(outside)
        await runIn(out, resume)
        expect(treeOf(outside), target).toEqual(before)
      }
    })
  )

  it.each(['checkpoints', 'model'])('is refused in the place of its %s', (name) =>
    besideOutside(async (outside, parent) => {
      const out = join(parent, 'run')
      mkdirSync(out)
      symlinkSync(outside, join(out, name))
      expect(await runIn(out, false)).toEqual({
        _tag: 'Corrupt',
        path: join(out, name),
        found: 'a symbolic link',
        expected: 'a directory of its own'
      })
      expect(readdirSync(out)).toEqual([name])
    })
  )
})

describe('what was left of a corpus', () => {
  const name = '.out.partial-00000000-0000-4000-8000-000000000000'

  it('is cleared, and nothing that only has a name like it', () =>
    besideOutside(async (outside, parent) => {
      const corpora = join(parent, 'corpora')
      mkdirSync(join(corpora, name), { recursive: true })
      mkdirSync(join(corpora, '.out.partial-notes'))
      mkdirSync(join(corpora, name.replace('out', 'other')))
      writeFileSync(join(corpora, name.replace(/0$/, '1')), 'a file')
      symlinkSync(outside, join(corpora, name.replace(/0$/, '2')))
      const partial = await rightOf(acquirePartial(join(corpora, 'out')))
      await rightOf(partial.release)
      expect(readdirSync(corpora).sort()).toEqual([
        name.replace('out', 'other'),
        name.replace(/0$/, '1'),
        name.replace(/0$/, '2'),
        '.out.partial-notes'
      ])
    }))
})
