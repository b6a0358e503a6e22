/**
 * A file system that is mounted read-only is named as such, wherever something was to be written on it.
 *
 * Each command runs in a mount namespace of its own, whose mounts end with it.
 */

import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { textOf } from '../training/runs.js'
import { expectFailure, inShell, pureElectra, type Ran } from './cli.js'

const namespace = ['-rm', 'bash', '-c', 'mount -t tmpfs tmpfs /mnt && mount -o remount,ro /mnt']
const canMount = E.isRight(E.tryCatch(() => execFileSync('unshare', namespace, { stdio: 'ignore' }), E.toError))

let directory = ''
const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-read-only-'))
  await mkdir(at('mounted'))
  await writeFile(at('text.txt'), textOf(52))
  expect(await build(at('corpus'))).toMatchObject({ code: 0 })
  expect(await pureElectra(...training(at('run')))).toMatchObject({ code: 0 })
})
afterAll(() => rm(directory, { recursive: true }))

const build = (out: string): Promise<Ran> =>
  pureElectra('corpus', 'build', '--input', at('text.txt'), '--out', out, '--vocab-size', '60')

const training = (out: string): ReadonlyArray<string> => [
  ...['pretrain', '--config', 'nano', '--corpus', at('corpus'), '--out', out, '--steps', '2', '--matmul', 'own'],
  ...['optimizer.warmupSteps', 'model.layers', 'training.evaluationBatches'].flatMap((key) => ['--set', `${key}=1`])
]

/** The command where `path` is a mount that holds what the shell put there, and nothing can be written to. */
const where = (path: string, fill: string, ...args: ReadonlyArray<string>): Promise<Ran> => {
  const line = `mount -t tmpfs tmpfs ${path} && cd ${path} && ${fill} && cd / && mount -o remount,ro ${path} && exec "$0" "$@"`
  return inShell(`exec unshare -rm bash -c '${line}' "$0" "$@"`, ...args)
}

describe.skipIf(!canMount)('a read-only mount (where namespaces can be made)', () => {
  it.each([
    [
      'a corpus',
      'cannot write ',
      () => ['corpus', 'build', '--input', at('text.txt'), '--out', at('mounted', 'corpus')]
    ],
    ['a run', '', () => training(at('mounted', 'run'))],
    ['a run some way down', '', () => training(at('mounted', 'a', 'b', 'run'))]
  ])('is named where %s was to be', async (_, words, command) => {
    const ran = await where(at('mounted'), 'true', ...command())
    expectFailure(ran, 1, new RegExp(`^pure-electra: ${words}.*mounted.*EROFS: read-only file system`))
    expect(ran.stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  it('is named where a run on it is to go on, and where a model was to be', async () => {
    const resumed = await where(
      at('mounted'),
      'mkdir -p run/checkpoints',
      ...training(at('mounted', 'run')),
      '--resume'
    )
    expectFailure(resumed, 1, /mounted\/run: could not lock it: EROFS: read-only file system/)
    await cp(at('run'), at('without'), { recursive: true })
    await rm(at('without', 'model', 'discriminator'), { recursive: true })
    const trained = await where(at('without', 'model'), 'true', ...training(at('without')), '--resume')
    expectFailure(trained, 1, /without\/model\/discriminator: could not write it: EROFS: read-only file system/)
  })

  it('is enough to be told what a finished run has come to', async () => {
    const finished = await where(at('mounted'), `cp -r ${at('run')} run`, ...training(at('mounted', 'run')), '--resume')
    expect(finished).toMatchObject({ code: 0, stderr: '' })
    expect(finished.stdout).toContain('Finished at step 2 of 2')
  })
})
