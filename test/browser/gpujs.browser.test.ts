import fc from 'fast-check'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GpuJsMode } from '../../src/tensor/run/multipliers/gpujs.js'
import { cases, excess, hundredths, resultSize, small } from '../tensor/run/multipliers/contractions.js'
import type { Answer, PageApi, PlainCase } from './gpujs.entry.js'
import { hasChromium, openPage } from './page.js'

const isRequired = process.env.PURE_ELECTRA_REQUIRE_GPU === '1'

const title = hasChromium || isRequired ? 'gpu.js in a browser' : 'gpu.js in a browser (skipped: no Chromium)'

describe.skipIf(!hasChromium && !isRequired)(title, () => {
  let opened: Awaited<ReturnType<typeof openPage>> | undefined

  const page = (): Page => {
    if (opened === undefined) throw new Error('the page did not open')
    return opened.page
  }

  const multiplyAll = (mode: GpuJsMode, given: ReadonlyArray<PlainCase>): Promise<Answer> =>
    page().evaluate(([chosen, sent]) => (globalThis as unknown as PageApi).multiplyAll(chosen, sent), [
      mode,
      given
    ] as const)

  beforeAll(async () => {
    opened = await openPage(new URL('./gpujs.entry.ts', import.meta.url))
  })

  afterAll(async () => {
    await opened?.close()
  })

  it('runs on an isolated page', async () => {
    expect(await page().evaluate(() => window.crossOriginIsolated)).toBe(true)
  })

  it.each(['webgpu', 'webgl2', 'webgl', 'webasm', 'cpu'] as const)(
    'multiplies by %s, and by nothing else',
    async (mode) => {
      const known = fc.sample(cases(small, hundredths), 20)
      const handed = known.map(({ contraction, left, right }) => ({
        contraction,
        left: [...left],
        right: [...right],
        size: resultSize(contraction)
      }))
      const answer = await multiplyAll(mode, handed)
      expect(answer).toMatchObject({ name: `gpu.js:${mode}`, executed: [mode] })
      known.forEach((data, i) => {
        expect(excess(data, Float32Array.from(answer.products[i]))).toBeLessThanOrEqual(0)
      })
    }
  )

  it('takes the mode gpu for the WebGL that there is, and says so', async () => {
    const answer = await multiplyAll('gpu', [])
    expect(answer.name).toBe('gpu.js:webgl2')
  })

  it('knows that the adapter here is software', async () => {
    const answer = await multiplyAll('webgpu', [])
    expect(answer.runsOn).toMatch(/software\)$/)
  })
})
