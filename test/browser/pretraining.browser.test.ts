/**
 * The exactness of `test/electra/training/exactness.test.ts` on Web Workers, and against Node: the built package, bundled by
 * Vite without any configuration, as a page of another project would have it.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { corpusFiles, type Corpus } from '../../src/electra/data/corpus.js'
import { built } from '../built.js'
import { inFiveShards, rooms, seed, steps, trained } from '../electra/training/fifty-steps.js'
import { corpusIn, remove, temporary, textOf } from '../electra/training/runs.js'
import { hasChromium, openSite, type Opened, type Site } from './page.js'
import { bundledByVite } from './vite.js'

const isRequired = process.env.PURE_ELECTRA_REQUIRE_GPU === '1'

const why = hasChromium || isRequired ? '' : ' (skipped: no Chromium)'

/** What the page answers, or an error in place of it. */
type PageApi = { readonly trained: (options: object) => Promise<unknown> }

const filesOf = async ({ directory }: Corpus): Promise<Site> =>
  new Map(
    await Promise.all(
      Object.values(corpusFiles).map(
        async (name) =>
          [
            `/corpus/${name}`,
            { type: 'application/octet-stream', body: await readFile(join(directory, name)) }
          ] as const
      )
    )
  )

describe.skipIf(!hasChromium && !isRequired)(`fifty steps of nano in a browser${why}`, () => {
  let directory = ''
  let corpus: Corpus
  let opened: Opened | undefined

  beforeAll(async () => {
    built('workers/web/spawn.js')
    directory = await temporary()
    corpus = await corpusIn(directory, 'text', textOf(52))
    const page = await bundledByVite(new URL('./pretraining.page.mjs', import.meta.url))
    opened = await openSite(new Map([...page, ...(await filesOf(corpus))]))
  })
  afterAll(async () => {
    await opened?.close()
    await remove(directory)
  })

  it('have the bits of Node on 1, 2, 3 and 4 Web Workers, with room for 5, 4, 2 and 1 shards', async () => {
    const inNode = await trained(corpus, 'own', 1, 5)
    expect(inNode.reports).toHaveLength(steps)
    for (const [workers, room] of [[1, 5] as const, ...rooms]) {
      const options = { overrides: { extends: 'nano', ...inFiveShards }, seed, steps, workers, room }
      const answer = await opened?.page.evaluate((o) => (globalThis as unknown as PageApi).trained(o), options)
      expect(answer).toEqual({ _tag: 'Right', right: { trained: inNode, alive: 0 } })
    }
  })
})
