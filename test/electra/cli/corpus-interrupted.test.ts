/**
 * `corpus build` that is ended on its way. It reads a named pipe that is held open, so it stands at a known place: its directory
 * is begun and its text is not all there.
 */

import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { textOf } from '../training/runs.js'
import { expectFailure, pureElectra, start, type Running } from './cli.js'

let directory = ''
/** A new directory for each test, in which corpora are made. */
let place = ''
let n = 0
const at = (name: string): string => join(directory, name)

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-interrupted-'))
  await writeFile(at('text.txt'), textOf(3))
  await promisify(execFile)('mkfifo', [at('pipe')])
})
beforeEach(async () => {
  place = at(`corpora-${n++}`)
  await mkdir(place)
})
afterAll(() => rm(directory, { recursive: true }))

const build = (input: string): ReadonlyArray<string> => [
  ...['corpus', 'build', '--input', at(input), '--out', join(place, 'corpus'), '--vocab-size', '50']
]

type Waiting = Running & { readonly pipe: FileHandle }

/** A build that reads the pipe, and waits for more of it. */
const waiting = async (): Promise<Waiting> => {
  const running = start(...build('pipe'))
  // Opened when both ends are.
  const opened = open(at('pipe'), 'w')
  const pipe = await Promise.race([opened, running.ended])
  if (!('fd' in pipe)) {
    // Lets the other end go.
    const both = await open(at('pipe'), constants.O_RDWR | constants.O_NONBLOCK)
    await opened.then((end) => end.close())
    await both.close()
    throw new Error(`the build ended before it read: ${pipe.stderr}`)
  }
  await pipe.write('The cat sings.\n')
  return { ...running, pipe }
}

const partials = async (): Promise<ReadonlyArray<string>> =>
  (await readdir(place)).filter((name) => name.startsWith('.corpus.partial-'))

describe('a corpus build', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('that is ended by %s leaves nothing', async (signal) => {
    const { child, ended, pipe } = await waiting()
    expect(await partials()).toHaveLength(1)
    child.kill(signal)
    expect(await ended).toMatchObject({ code: null, stdout: '' })
    expect(child.signalCode).toBe(signal)
    await pipe.close()
    expect(await readdir(place)).toEqual([])
  })

  it('clears what one that was killed has left, and not what one that is at work needs', async () => {
    const killed = await waiting()
    const [left] = await partials()
    killed.child.kill('SIGKILL')
    await killed.ended
    await killed.pipe.close()
    expect(await partials()).toEqual([left])

    const atWork = await waiting()
    const [own, ...others] = await partials()
    expect([own === left, others]).toEqual([false, []])
    expect(await pureElectra(...build('text.txt'))).toMatchObject({ code: 0 })
    expect((await readdir(place)).sort()).toEqual([own, 'corpus'])

    // The one that was there first comes too late, and says so.
    await atWork.pipe.close()
    expectFailure(await atWork.ended, 1, /corpus exists already/)
    expect(await readdir(place)).toEqual(['corpus'])
    expect((await readdir(join(place, 'corpus'))).sort()).toEqual(
      ['corpus.json', 'heldout.bin', 'tokenizer.json', 'train.bin', 'vocab.txt'].sort()
    )
  })
})
