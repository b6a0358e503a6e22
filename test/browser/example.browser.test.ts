import { expect, describe, it } from 'vitest'
import { built } from '../built.js'
import { hasChromium, openSite } from './page.js'
import { bundledByVite } from './vite.js'

const isRequired = process.env.PURE_ELECTRA_REQUIRE_GPU === '1'

const title = hasChromium || isRequired ? 'the example page' : 'the example page (skipped: no Chromium)'

describe.skipIf(!hasChromium && !isRequired)(title, () => {
  it('trains both networks on the shipped text', async () => {
    built('workers/pool/web/thread.js')
    const { page, close } = await openSite(
      await bundledByVite(new URL('../../examples/browser/index.html', import.meta.url))
    )
    const text = await page.waitForFunction(() => {
      const { innerText } = document.body
      return innerText.trimEnd().endsWith('done') ? innerText : undefined
    })
    const losses = [...String(await text.jsonValue()).matchAll(/masked LM ([\d.]+)/g)].map(([, loss]) => Number(loss))
    await close()
    expect(losses).toHaveLength(10)
    // Chance is ln 1000. The word is among 1,000, the most frequent of which are soon learnt.
    expect(losses[0]).toBeLessThan(Math.log(1000) + 0.1)
    expect(Math.min(...losses)).toBeLessThan(losses[0] - 0.5)
  })
})
