/**
 * The exactness of `test/electra/training/exactness.test.ts` on Web Workers, and against Node: the built package, bundled
 * without any configuration, as a page of another project would have it.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { corpusFiles, type Corpus } from '../../src/electra/data/corpus/corpus.js'
import { built } from '../built.js'
import { inFiveShards, executions, seed, steps, trained, type Trained } from '../electra/training/fifty-steps.js'
import { corpusIn, remove, temporary, textOf } from '../electra/training/runs.js'
import { bundledByEsbuild, hasChromium, openSite, type Site } from './page.js'
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

const entry = new URL('./pretraining.page.mjs', import.meta.url)

/** esbuild leaves the address of the thread's module as it is: next to the page's. */
const bundles: Readonly<Record<string, () => Promise<Site>>> = {
  Vite: () => bundledByVite(entry),
  esbuild: async () => {
    const thread = { type: 'text/javascript', body: await readFile(built('workers/pool/web/thread.js')) }
    return new Map([...(await bundledByEsbuild({ page: entry })), ['/thread.js', thread]])
  }
}

describe.skipIf(!hasChromium && !isRequired)(`fifty steps of nano in a browser${why}`, () => {
  let directory = ''
  let corpus: Corpus
  let inNode: Trained

  beforeAll(async () => {
    directory = await temporary()
    corpus = await corpusIn(directory, 'text', textOf(52))
    inNode = await trained(corpus, 'own', 1, 5)
    expect(inNode.reports).toHaveLength(steps)
  })
  afterAll(() => remove(directory))

  it.each([
    ['Vite', [[1, 5], ...executions]],
    ['esbuild', [[2, 5]]]
  ] as const)('have the bits of Node, bundled by %s, with workers and shards at once %j', async (bundler, each) => {
    const { page, close } = await openSite(new Map([...(await bundles[bundler]()), ...(await filesOf(corpus))]))
    for (const [workers, shardsAtOnce] of each) {
      const options = { overrides: { extends: 'nano', ...inFiveShards }, seed, steps, workers, shardsAtOnce }
      const answer = await page.evaluate((o) => (globalThis as unknown as PageApi).trained(o), options)
      expect(answer).toEqual({ _tag: 'Right', right: { trained: inNode, alive: 0 } })
    }
    await close()
  })
})
