/**
 * A run that is cut off before any call that changes a file, or in the middle of a write: what goes by its own name is whole, and
 * the next start clears the rest.
 */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it, vi } from 'vitest'
import { solo } from '../../../src/workers/index.js'
import { latestCheckpoint, loadCheckpoint } from '../../../src/electra/store/checkpoints/checkpoint.js'
import { replaceDirectory, writeFileWhole } from '../../../src/electra/store/files/files.js'
import { acquireRunDirectory, type RunDirectory } from '../../../src/electra/training/run-directory.js'
import type { Where } from '../../../src/workers/index.js'
import { checkpointOf, identityOf, inDirectory } from '../store/checkpoints/checkpoint-cases.js'
import { restore, statesDuring, type State } from '../store/files/crash-states.js'

vi.mock('node:fs/promises', async (original) => (await import('../store/files/crash-states.js')).watchedFs(original))

const rightOf = async <A>(run: TE.TaskEither<unknown, A>): Promise<A> => {
  const result = await run()
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right
}

const identity = identityOf()

const where: Where = { device: 'wasm', multiplier: 'own', workers: 1, ranks: 1, relaxedSimd: false }

const keep = 2

const using = async (out: string, resume: boolean, use: (directory: RunDirectory) => Promise<void>): Promise<void> => {
  const directory = await rightOf(
    acquireRunDirectory(
      { out, resume, keepCheckpoints: keep, checkpointEvery: 10, totalSteps: 60, config: {} },
      identity,
      solo
    )
  )
  try {
    await use(directory)
  } finally {
    await directory.release()
  }
}

const modelOf = (version: number): ReadonlyMap<string, Uint8Array> =>
  new Map(['config.json', 'model.safetensors'].map((name) => [name, new TextEncoder().encode(`{"of":${version}}`)]))

/** All that a run does with its directory, without what it computes. */
const runIn = (out: string, resume: boolean, model: number) =>
  using(out, resume, async (directory) => {
    const beginning = await rightOf(directory.begin)
    const step = O.isNone(beginning.found) ? 0 : beginning.found.value.checkpoint.progress.step
    const { metrics } = await rightOf(directory.open(beginning, { step, owesEvaluation: false }, where))
    for (let next = step + 10; next <= 40; next += 10) {
      await rightOf(metrics.append({ kind: 'step', step: next }))
      await rightOf(metrics.sync)
      const best = { step: 10, loss: 1 }
      await rightOf(directory.save(next, TE.right(checkpointOf(next, { best }))))
    }
    for (const half of ['discriminator', 'generator'])
      await rightOf(replaceDirectory(join(out, 'model'), half, modelOf(model)))
    await rightOf(writeFileWhole(join(out, 'report.json'), '{"complete":true}\n'))
  })

const isTemporary = (path: string): boolean => path.split('/').some((part) => part.startsWith('.pure-electra-'))

/** Nothing by its own name is half of what it should be. */
const expectWholeFiles = (state: State): void => {
  for (const [path, content] of state) {
    if (isTemporary(path) || content === null) continue
    if (path.endsWith('.json') && !path.startsWith('checkpoints/'))
      expect(() => JSON.parse(content.toString()) as unknown, path).not.toThrow()
  }
  for (const half of ['model/discriminator', 'model/generator'])
    if (state.has(half)) {
      const [config, tensors] = ['config.json', 'model.safetensors'].map((name) => state.get(`${half}/${name}`))
      expect(config?.toString()).toMatch(/^\{"of":\d\}$/)
      expect(tensors).toEqual(config)
    }
}

const namesOf = (state: State): ReadonlyArray<string> =>
  [...state.keys()].filter((path) => /^checkpoints\/checkpoint-\d+$/.test(path))

describe('a run that is cut off', () => {
  it('leaves nothing half-written by its own name, and the next start clears what is left', () =>
    inDirectory(async (parent) => {
      const out = join(parent, 'run')
      const states = (await statesDuring(parent, () => runIn(out, false, 1))).map(
        (state): State =>
          new Map([...state].flatMap(([path, x]) => (path.startsWith('run/') ? [[path.slice(4), x] as const] : [])))
      )
      expect(states.length).toBeGreaterThan(80)
      for (const state of states) {
        expectWholeFiles(state)
        restore(out, state)
        for (const name of namesOf(state)) await rightOf(loadCheckpoint(join(out, name)))
        if (namesOf(state).length === 0) continue
        await using(out, true, async (directory) => {
          const { found } = await rightOf(directory.begin)
          expect(O.isSome(found)).toBe(true)
        })
        const after = readdirSync(out, { recursive: true }).map(String)
        expect(after.filter(isTemporary)).toEqual([])
        // The last ones, and the best.
        expect(readdirSync(join(out, 'checkpoints')).length).toBeLessThanOrEqual(keep + 1)
        expect(await rightOf(latestCheckpoint(join(out, 'checkpoints')))).toMatchObject({ _tag: 'Some' })
      }
    }))

  it('is never without a model that it had, but between two renamings: the next start mends that', () =>
    inDirectory(async (out) => {
      await runIn(out, false, 1)
      const states = await statesDuring(out, () => runIn(out, true, 2))
      const models = ['model/discriminator', 'model/generator']
      const without = states.filter((state) => !models.every((name) => state.has(name)))
      // One moment for each of the two.
      expect(without.length).toBeLessThanOrEqual(2)
      for (const state of states) {
        expectWholeFiles(state)
        restore(out, state)
        await using(out, true, async (directory) => void (await rightOf(directory.begin)))
        for (const name of models) expect(readdirSync(join(out, name)).length).toBe(2)
        expect(readdirSync(out, { recursive: true }).map(String).filter(isTemporary)).toEqual([])
      }
    }))

  it('changes nothing where it is resumed when it was finished', () =>
    inDirectory(async (out) => {
      await runIn(out, false, 1)
      const [before] = await statesDuring(out, () => Promise.resolve())
      const states = await statesDuring(out, () => runIn(out, true, 1))
      const others = (state: State) => [...state].filter(([path]) => !path.endsWith('.lock'))
      for (const state of states) expect(others(state)).toEqual(others(before))
    }))
})
