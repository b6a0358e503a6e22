/**
 * The lock of a directory: one process at a time, however the one before has ended.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { showStoreError } from '../../../../src/electra/store/errors.js'
import { lockDirectory } from '../../../../src/electra/store/files/lock.js'
import { built } from '../../../built.js'
import { inDirectory, leftOf, rightOf } from '../checkpoints/checkpoint-cases.js'

/** A process that has the lock of the directory, until it is killed. */
const holderOf = async (directory: string) => {
  const lock = fileURLToPath(built('electra/store/files/lock.js'))
  const script = `import { lockDirectory } from ${JSON.stringify(lock)}
    const { _tag } = await lockDirectory(process.argv[1])()
    console.log(_tag)
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, directory])
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  expect(said.toString()).toBe('Right\n')
  return child
}

describe('the lock of a directory', () => {
  it('is refused, with the name of who has it, until that process is killed', () =>
    inDirectory(async (parent) => {
      const directory = join(parent, 'run')
      const child = await holderOf(directory)
      const refused = await leftOf(lockDirectory(directory))
      expect(refused).toMatchObject({ _tag: 'InUse', path: directory })
      expect(showStoreError(refused)).toContain(`in use by process ${child.pid} on ${hostname()}, since `)
      child.kill('SIGKILL')
      await once(child, 'close')
      expect(existsSync(join(directory, '.lock'))).toBe(true)
      const lock = await rightOf(lockDirectory(directory))
      expect(lock.unguarded).toBeUndefined()
      await lock.release()
      expect(await readdir(directory)).toEqual([])
    }))

  it('is had by one of any number that ask at once, again and again', () =>
    inDirectory(async (directory) => {
      for (let round = 0; round < 5; round++) {
        const asked = await Promise.all(Array.from({ length: 6 }, () => lockDirectory(directory)()))
        const had = asked.flatMap((answer) => (answer._tag === 'Right' ? [answer.right] : []))
        expect(had).toHaveLength(1)
        expect(asked.flatMap((answer) => (answer._tag === 'Left' ? [answer.left._tag] : []))).toEqual(
          Array.from({ length: 5 }, () => 'InUse')
        )
        await had[0].release()
      }
      expect(await readdir(directory)).toEqual([])
    }))

  it('says that the directory is gone when it was moved, removed, or another is in its place', () =>
    inDirectory(async (parent) => {
      const directory = join(parent, 'run')
      for (const away of [
        () => rename(directory, join(parent, 'moved')),
        () => rm(directory, { recursive: true }),
        async () => {
          await rm(directory, { recursive: true })
          await mkdir(directory)
          await writeFile(join(directory, '.lock'), '')
        }
      ]) {
        const lock = await rightOf(lockDirectory(directory))
        await rightOf(lock.check)
        await away()
        expect(await leftOf(lock.check)).toEqual({ _tag: 'Gone', path: directory })
        await lock.release()
        // Another's is not removed.
        if (existsSync(directory)) expect(await readdir(directory)).toEqual(['.lock'])
        await rm(directory, { recursive: true, force: true })
      }
    }))

  it("is not taken where another program's file has its name, which stays as it is", () =>
    inDirectory(async (directory) => {
      const path = join(directory, '.lock')
      for (const text of ['theirs\n', `process 1\n`, `process 1 on here\n${' '.repeat(600)}`]) {
        await writeFile(path, text)
        const refused = await leftOf(lockDirectory(directory))
        expect(showStoreError(refused)).toMatch(/\.lock: found another program's file, expected none of that name/)
        expect(await readFile(path, 'utf8')).toBe(text)
      }
      for (const text of ['', '\0\0\0', 'process 1 on here, since then\n and more of it']) {
        await writeFile(path, text)
        await (await rightOf(lockDirectory(directory))).release()
        expect(await readdir(directory)).toEqual([])
      }
    }))

  it('takes the directory away again where nothing came into it', () =>
    inDirectory(async (parent) => {
      const lock = await rightOf(lockDirectory(join(parent, 'a', 'b')))
      await lock.release()
      expect(await readdir(join(parent, 'a'))).toEqual([])
    }))
})
