/**
 * What nobody expects is told, and the process ends, whatever threads it has.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { textOf } from '../training/runs.js'
import { expectFailure, inShell, pureElectra, startWith } from './cli.js'

let directory = ''
const at = (name: string): string => join(directory, name)
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-unexpected-'))
  await writeFile(at('text.txt'), textOf(52))
  await writeFile(
    at('large.json'),
    JSON.stringify({ extends: 'nano', batchSize: 2 ** 20, sequenceLength: 2 ** 20, model: { maxPositions: 2 ** 20 } })
  )
  const built = ['corpus', 'build', '--input', at('text.txt'), '--out', at('corpus'), '--vocab-size', '60']
  expect(await pureElectra(...built)).toMatchObject({ code: 0 })
})
afterAll(() => rm(directory, { recursive: true }))

const pretrain = (out: string, config = 'nano') =>
  ['pretrain', '--config', config, '--corpus', at('corpus'), '--out', at(out), '--matmul', 'own'] as const

/** A module that makes every `Int32Array` of the process throw once it has a thread. */
const throwing = (error: string): string =>
  `data:text/javascript,process.once('worker',()=>{globalThis.Int32Array=class{constructor(){throw ${error}}}})`

const sabotaged = (out: string, error: string) =>
  startWith({ NODE_OPTIONS: `--import "${throwing(error)}"` }, ...pretrain(out)).ended

describe('what is thrown while threads are at work', () => {
  it('is told with its stack, and ends the process', async () => {
    const { code, stdout, stderr } = await sabotaged('fault', 'new(Error)(`injected`)')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/a fault of pure-electra itself, not of what it was given: injected\. Please report it/)
    expect(stderr).toMatch(/^ {4}at /m)
  })

  it('is told in a sentence where memory has run out', async () => {
    const ran = await sabotaged('small', 'new(RangeError)(`Array%20buffer%20allocation%20failed`)')
    expectFailure(ran, 1, 'more memory than there is (Array buffer allocation failed): try smaller sizes')
  })
})

describe('sizes that no memory holds', () => {
  it('are refused with their numbers, and leave nothing', async () => {
    expectFailure(
      await pureElectra(...pretrain('large', at('large.json'))),
      1,
      /batches of 1048576 examples of 1048576 tokens take [\d,]+ MB/
    )
    expect(await inShell('ls -a "$2"', directory)).toMatchObject({
      stdout: expect.not.stringMatching(/^large$/m) as unknown
    })
  })
})

describe('a process that may open few files', () => {
  // Drivers of GPUs, which other tests of this process have loaded, leave files open to whoever is started from it.
  const closing = 'for f in /proc/$$/fd/*; do n=${f##*/}; [ "$n" -le 2 ] || eval "exec $n>&-"; done'

  it('says so', async () => {
    const ran = await inShell(`${closing}; ulimit -n 30; exec "$0" "$1" devices`)
    expectFailure(ran, 1, /too few files to start \(EMFILE: [^\n]*ulimit -n/)
  })
})
