/**
 * The example page, as Vite bundles it: on the GPU that the browser has, and on threads.
 */

import { beforeAll, describe, expect, it, vi } from 'vitest'
import { built } from '../built.js'
import { hasChromium, openSite, type Site } from './page.js'
import { bundledByVite } from './vite.js'

// A software adapter compiles for longer than it computes.
vi.setConfig({ testTimeout: 600_000 })

const isRequired = process.env.PURE_ELECTRA_REQUIRE_GPU === '1'

const title = hasChromium || isRequired ? 'the example page' : 'the example page (skipped: no Chromium)'

describe.skipIf(!hasChromium && !isRequired)(title, () => {
  let site: Site = new Map()
  beforeAll(async () => {
    built('workers/pool/web/thread.js')
    site = await bundledByVite(new URL('../../examples/browser/index.html', import.meta.url))
  })

  it.each([
    ['', /^\d+ parameters on webgpu, workers: 1$/m],
    ['#wasm', /^\d+ parameters on wasm, workers: \d+$/m]
  ])('trains both networks on the shipped text, and says on what (%j)', async (hash, device) => {
    const { page, close } = await openSite(site, { hash })
    const text = await page.waitForFunction(
      () => {
        const { innerText } = document.body
        return innerText.trimEnd().endsWith('done') ? innerText : undefined
      },
      undefined,
      { timeout: 500_000 }
    )
    const said = String(await text.jsonValue())
    const losses = [...said.matchAll(/masked LM ([\d.]+)/g)].map(([, loss]) => Number(loss))
    await close()
    expect(said).toMatch(device)
    expect(losses).toHaveLength(10)
    // Chance is ln 1000. The word is among 1,000, the most frequent of which are soon learnt.
    expect(losses[0]).toBeLessThan(Math.log(1000) + 0.1)
    expect(Math.min(...losses)).toBeLessThan(losses[0] - 0.5)
  })

  it('says why it does not train on a GPU, and trains on threads, where the page is given none', async () => {
    const { page, close } = await openSite(site, { isGpuOff: true })
    const text = await page.waitForFunction(() => {
      const { innerText } = document.body
      return innerText.includes('parameters on') ? innerText : undefined
    })
    const said = String(await text.jsonValue())
    await close()
    expect(said).toMatch(/^webgpu is not available: [^\n]*: on threads instead$/m)
    expect(said).toMatch(/^\d+ parameters on wasm/m)
  })
})
