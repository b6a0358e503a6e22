import { buildSync } from 'esbuild'
import fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  latestCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
  stepsToRemove
} from '../../../../src/electra/store/checkpoints/checkpoint.js'
import { sha256OfTensors } from '../../../../src/electra/store/digest.js'
import { showStoreError } from '../../../../src/electra/store/errors.js'
import { removeLeftovers } from '../../../../src/electra/store/files/files.js'
import { checkpointOf, identityOf, inDirectory, leftOf, rightOf } from './checkpoint-cases.js'

const files = ['model.safetensors', 'optimizer.safetensors', 'state.json']

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = new Uint8Array(bytes)
  copy[bit >> 3] ^= 1 << (bit & 7)
  return copy
}

describe('a checkpoint', () => {
  it('gives back what was saved, bit for bit', () =>
    inDirectory(async (directory) => {
      const saved = checkpointOf(30)
      const path = await rightOf(saveCheckpoint(directory, saved, { keep: 3 }))
      expect(path).toBe(join(directory, 'checkpoint-00000030'))
      expect((await readdir(path)).sort()).toEqual(files)
      const loaded = await rightOf(loadCheckpoint(path))
      expect(loaded.progress).toEqual(saved.progress)
      expect(sha256OfTensors(loaded.params)).toBe(sha256OfTensors(saved.params))
      expect(sha256OfTensors(loaded.optimizer)).toBe(sha256OfTensors(saved.optimizer))
    }))

  it('is the same files for the same content, and may be saved again', () =>
    inDirectory(async (directory) => {
      const path = await rightOf(saveCheckpoint(directory, checkpointOf(30), { keep: 3 }))
      const before = await Promise.all(files.map((file) => readFile(join(path, file))))
      expect(await rightOf(saveCheckpoint(directory, checkpointOf(30), { keep: 3 }))).toBe(path)
      expect(await Promise.all(files.map((file) => readFile(join(path, file))))).toEqual(before)
      expect(
        await leftOf(saveCheckpoint(directory, checkpointOf(30, { identity: identityOf({ seed: 8 }) }), { keep: 3 }))
      ).toEqual({
        _tag: 'AlreadyExists',
        path
      })
      expect(await readdir(directory)).toEqual(['checkpoint-00000030'])
    }))

  it('may be kept under another name, but not under the name of another step', () =>
    inDirectory(async (directory) => {
      const path = await rightOf(saveCheckpoint(directory, checkpointOf(30), { keep: 3 }))
      const [mine, wrong] = [join(directory, 'mine'), join(directory, 'checkpoint-00000040')]
      await rename(path, mine)
      expect((await rightOf(loadCheckpoint(mine))).progress.step).toBe(30)
      await rename(mine, wrong)
      expect(await leftOf(loadCheckpoint(wrong))).toMatchObject({ _tag: 'Corrupt', found: 'step 30' })
    }))

  it.each(files)('is refused by name when one bit of %s is flipped', (file) =>
    inDirectory(async (directory) => {
      const path = await rightOf(saveCheckpoint(directory, checkpointOf(30), { keep: 3 }))
      const whole = await readFile(join(path, file))
      const bit = fc.nat({ max: whole.length * 8 - 1 })
      await fc.assert(
        fc.asyncProperty(bit, async (at) => {
          await writeFile(join(path, file), flipped(whole, at))
          const e = await leftOf(loadCheckpoint(path))
          expect(['Corrupt', 'UnsupportedVersion']).toContain(e._tag)
          expect(showStoreError(e)).toContain(join(path, file))
        })
      )
    })
  )

  it.each(files)('is refused by name when %s is cut short, or gone', (file) =>
    inDirectory(async (directory) => {
      const path = await rightOf(saveCheckpoint(directory, checkpointOf(30), { keep: 3 }))
      const { length } = await readFile(join(path, file))
      for (const size of [length - 1, length >> 1, 1, 0]) {
        await truncate(join(path, file), size)
        expect(await leftOf(loadCheckpoint(path))).toMatchObject({ _tag: 'Corrupt', path: join(path, file) })
      }
      await rm(join(path, file))
      expect(await leftOf(loadCheckpoint(path))).toMatchObject({ _tag: 'FileFailure', code: 'ENOENT' })
    })
  )
})

describe('keeping checkpoints', () => {
  const steps = fc.uniqueArray(fc.nat({ max: 50 }), { minLength: 1, maxLength: 12 })

  it('removes neither the best, nor the one just written, nor the last ones, and everything else', () => {
    fc.assert(
      fc.property(
        steps,
        fc.nat({ max: 5 }),
        fc.nat(),
        fc.option(fc.nat(50), { nil: undefined }),
        (all, keep, n, best) => {
          const written = all[n % all.length]
          const removed = stepsToRemove(all, keep, written, best)
          const stay = all.filter((step) => !removed.includes(step))
          expect(stay).toContain(written)
          if (best !== undefined && all.includes(best)) expect(stay).toContain(best)
          for (const step of all) if (all.filter((other) => other > step).length < keep) expect(stay).toContain(step)
          expect(stay.length).toBeLessThanOrEqual(keep + 2)
          expect(removed.every((step) => all.includes(step))).toBe(true)
        }
      )
    )
  })

  it('leaves the last ones and the best on disk, and nothing temporary', () =>
    inDirectory(async (directory) => {
      for (const step of [10, 20, 30, 40])
        await rightOf(saveCheckpoint(directory, checkpointOf(step, { best: { step: 10, loss: 1 } }), { keep: 2 }))
      expect((await readdir(directory)).sort()).toEqual([10, 30, 40].map((step) => `checkpoint-000000${step}`))
    }))

  it('clears what an interrupted run left, and nothing else', () =>
    inDirectory(async (directory) => {
      await rightOf(saveCheckpoint(directory, checkpointOf(10), { keep: 2 }))
      await mkdir(join(directory, '.pure-electra-tmp-checkpoint-00000020-1', 'deep'), { recursive: true })
      await writeFile(join(directory, 'notes.txt'), 'mine')
      expect(await rightOf(removeLeftovers(directory))).toEqual(['.pure-electra-tmp-checkpoint-00000020-1'])
      expect((await readdir(directory)).sort()).toEqual(['checkpoint-00000010', 'notes.txt'])
      expect(await rightOf(removeLeftovers(join(directory, 'nowhere')))).toEqual([])
    }))
})

describe('the latest checkpoint', () => {
  it('is none in a directory without any, or without the directory', () =>
    inDirectory(async (directory) => {
      expect(await rightOf(latestCheckpoint(directory))).toEqual(O.none)
      expect(await rightOf(latestCheckpoint(join(directory, 'nowhere')))).toEqual(O.none)
      await mkdir(join(directory, 'checkpoint-1'))
      await mkdir(join(directory, '.pure-electra-tmp-checkpoint-00000020-1'))
      expect(await rightOf(latestCheckpoint(directory))).toEqual(O.none)
    }))

  it('is the one of the largest step, by number', () =>
    inDirectory(async (directory) => {
      for (const step of [99_999_999, 100_000_000, 5])
        await rightOf(saveCheckpoint(directory, checkpointOf(step), { keep: 9 }))
      const found = await rightOf(latestCheckpoint(directory))
      expect(O.toNullable(found)?.checkpoint.progress.step).toBe(100_000_000)
    }))

  it('is never an older one in silence: damage is told, with the newest whole one', () =>
    inDirectory(async (directory) => {
      for (const step of [10, 20, 30]) await rightOf(saveCheckpoint(directory, checkpointOf(step), { keep: 9 }))
      const at = (step: number, file: string): string => join(directory, `checkpoint-000000${step}`, file)
      await truncate(at(30, 'model.safetensors'), 10)
      await writeFile(at(20, 'state.json'), '{}')
      const e = await leftOf(latestCheckpoint(directory))
      expect(e).toMatchObject({
        _tag: 'NewestUnusable',
        newest: join(directory, 'checkpoint-00000030'),
        previous: join(directory, 'checkpoint-00000010'),
        problem: { _tag: 'Corrupt', path: at(30, 'model.safetensors'), found: '10 bytes' }
      })
      expect(showStoreError(e)).toMatch(/checkpoint-00000030.*cannot be used.*checkpoint-00000010.*is whole/)
      await writeFile(at(10, 'state.json'), '{}')
      expect(await leftOf(latestCheckpoint(directory))).toMatchObject({ previous: undefined })
    }))
})

const bundle = (directory: string, name: string): string => {
  const outfile = join(directory, `${name}.mjs`)
  const entry = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  buildSync({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', outfile })
  return outfile
}

describe('a run that is killed', () => {
  it('leaves its latest checkpoint whole, at whatever moment', () =>
    inDirectory(async (directory) => {
      const script = bundle(directory, 'keep-saving')
      for (let attempt = 0; attempt < 6; attempt++) {
        const child = spawn(process.execPath, [script, directory, String(1000 * attempt)])
        const closed = once(child, 'close')
        await once(child.stdout, 'data')
        // Moments spread over a few saves, each of which takes some 20 ms.
        await new Promise((resolve) => setTimeout(resolve, 7 * attempt))
        child.kill('SIGKILL')
        await closed
        await rightOf(removeLeftovers(directory))
        const found = await rightOf(latestCheckpoint(directory))
        expect(O.toNullable(found)?.checkpoint.progress.step).toBeGreaterThanOrEqual(1000 * attempt)
      }
    }))
})

describe('a disk that is full', () => {
  it('fails the save, removes what was begun, and leaves the checkpoint before it usable', () =>
    inDirectory(async (directory) => {
      await rightOf(saveCheckpoint(directory, checkpointOf(10), { keep: 1 }))
      const script = bundle(directory, 'full-disk')
      const run = (limit: string): unknown =>
        JSON.parse(
          execFileSync('sh', ['-c', `${limit} exec "$0" "$1" "$2"`, process.execPath, script, directory], {
            encoding: 'utf8'
          })
        )
      // 128 blocks of 512 or 1024 bytes; the parameters are 400 kB.
      expect(run('ulimit -f 128;')).toMatchObject({
        _tag: 'FileFailure',
        code: 'EFBIG',
        path: join(directory, 'checkpoint-00000020')
      })
      expect((await readdir(directory)).sort()).toEqual(['checkpoint-00000010', 'full-disk.mjs'])
      const found = await rightOf(latestCheckpoint(directory))
      expect(O.toNullable(found)?.checkpoint.progress.step).toBe(10)
      expect(run('')).toEqual({ saved: join(directory, 'checkpoint-00000020') })
    }))

  it('is told in one sentence', async () => {
    const e = await leftOf(saveCheckpoint('/dev/null/runs', checkpointOf(10), { keep: 1 }))
    expect(e).toMatchObject({ _tag: 'FileFailure', code: 'ENOTDIR' })
    expect(showStoreError(e)).toMatch(/^\/dev\/null\/runs\/checkpoint-00000010: could not write it: ENOTDIR/)
  })
})
