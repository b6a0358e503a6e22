/** `report` as a person asks for it: of a run that is finished, of one that goes on, of what is none. */

import { appendFile, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { corpusIn, remove, temporary, textOf } from '../training/runs.js'
import { expectFailure, jsonLines, pureElectra, type Ran } from './cli.js'

let directory = ''
const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)
const text = (...names: ReadonlyArray<string>): Promise<string> => readFile(at(...names), 'utf8')

const report = (...args: ReadonlyArray<string>): Promise<Ran> => pureElectra('report', ...args)

const done = (ran: Ran): Ran => {
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  return ran
}

beforeAll(async () => {
  directory = await temporary()
  await corpusIn(directory, 'text', textOf(52))
  const { code } = await pureElectra(
    ...['pretrain', '--config', 'nano', '--corpus', at('text.corpus'), '--out', at('one'), '--steps', '6'],
    ...['--checkpoint-every', '3', '--set', 'model.layers=1']
  )
  expect(code).toBe(0)
  // As another process would leave it in the middle of a run.
  await cp(at('one'), at('going'), { recursive: true })
  await rm(at('going', 'report.json'))
  await appendFile(at('going', 'metrics.jsonl'), '{"kind":"step","st')
}, 120_000)
afterAll(() => remove(directory))

describe('report', () => {
  it('of a finished run shows its numbers, its sentences and its hashes', async () => {
    done(await report(at('one'), '--out', at('pages', 'one.html')))
    const page = await text('pages', 'one.html')
    const { weightsSha256, heldOut } = JSON.parse(await text('one', 'report.json')) as {
      readonly weightsSha256: string
      readonly heldOut: { readonly maskedLmLoss: number }
    }
    expect(page).toContain(weightsSha256)
    expect(page).toContain(`>${heldOut.maskedLmLoss.toFixed(3)}<`)
    expect(page).toMatch(/finished at step 6 of 6/)
    expect(page).toContain('class="sentence"')
    expect(page.match(/<svg role="img"/g)?.length).toBeGreaterThan(5)
    done(await report(at('one'), '--out', at('again.html')))
    expect(await text('again.html')).toBe(page)
  })

  it('of a run that goes on says so, and asks its last checkpoint for sentences', async () => {
    done(await report(at('going'), at('one'), '--corpus', at('text.corpus'), '--out', at('both.md')))
    const page = await text('both.md')
    expect(page).toMatch(/`going` \*\*is not finished\*\*: 6 steps so far/)
    // The same weights: the same sentences.
    const [going, one] = page.split('## Sample sentences')[1].split('### ').slice(1, 3)
    expect(going.replace('going', '')).toBe(one.split('## ')[0].replace('one', ''))
  })

  it('writes numbers for other programs', async () => {
    const ran = done(
      await report(at('one'), at('going'), '--csv', at('two.csv'), '--tensorboard', at('board'), '--json')
    )
    expect(jsonLines(ran)).toMatchObject([
      {
        runs: [
          { name: 'one', complete: true },
          { name: 'going', complete: false }
        ],
        out: null
      }
    ])
    const lines = (await text('two.csv')).split('\r\n')
    expect(lines[0]).toMatch(/^run,kind,step,loss,/)
    const [steps, evaluations] = ['step', 'heldOut'].map(
      async (kind) =>
        (await text('one', 'metrics.jsonl')).split('\n').filter((line) => line.includes(`"kind":"${kind}"`)).length
    )
    expect(lines).toHaveLength(2 + 2 * ((await steps) + (await evaluations)))
    for (const name of ['one', 'going'])
      expect(await text('board', name, 'events.out.tfevents.0.pure-electra')).toContain('brain.Event:2')
  })

  it('refuses what is no run, another corpus than of any, and to write nothing', async () => {
    expectFailure(
      await report(at(), '--out', at('x.html')),
      1,
      /found no metrics\.jsonl and no trial-1, expected the directory of a run/
    )
    expectFailure(await report(at('one')), 2, /found nothing to write, expected --out, --csv or --tensorboard/)
    await corpusIn(directory, 'other', textOf(40))
    expectFailure(
      await report(at('going'), '--corpus', at('other.corpus'), '--out', at('x.html')),
      1,
      /--corpus .*other\.corpus: found the corpus .*, expected the one that .*going is trained on/
    )
    const { code } = await pureElectra(
      ...['pretrain', '--config', 'nano', '--corpus', at('other.corpus'), '--out', at('else'), '--steps', '2'],
      ...['--set', 'model.layers=1']
    )
    expect(code).toBe(0)
    await rm(at('else', 'report.json'))
    const both = await report(at('else'), at('going'), '--corpus', at('text.corpus'), '--out', at('x.md'))
    expect(both.code).toBe(0)
    expect(both.stderr).toMatch(
      /expected the one that .*else is trained on: .*; that run is shown without sample sentences/
    )
    expect((await text('x.md')).split('## Sample sentences')[1]).toMatch(/^\s+[^#]*### going\n/)
    // One that has kept its sentences is asked for none.
    expect(await report(at('one'), at('else'), '--corpus', at('text.corpus'), '--out', at('x.md'))).toMatchObject({
      code: 0
    })
    await rm(at('x.md'))
    await cp(at('one'), at('broken'), { recursive: true })
    await writeFile(at('broken', 'report.json'), '{"complete": true')
    expectFailure(
      await report(at('broken'), '--out', at('x.html')),
      1,
      /report\.json: found .*, expected the report of a finished run/
    )
  })
})
