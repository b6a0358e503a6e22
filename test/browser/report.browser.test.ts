/** Reports as a browser shows them: on a phone and on a desk, light and dark. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { experimentReport } from '../../src/electra/report/experiment/report.js'
import { htmlOf } from '../../src/electra/report/pages/html.js'
import { declared, resultsOf } from '../electra/report/results.js'
import { hasChromium, openSite, type Opened } from './page.js'

const title = hasChromium ? "an experiment's report" : "an experiment's report (skipped: no Chromium)"

/** Red, green and blue to a contrast of 1 to 21: WCAG 2.2, 1.4.3. https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
const contrast = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  const luminance = (rgb: ReadonlyArray<number>): number =>
    rgb
      .map((x) => x / 255)
      .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
      .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0)
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

describe.skipIf(!hasChromium)(title, () => {
  let opened: Opened | undefined
  const said: Array<string> = []
  const page = () => {
    if (opened === undefined) throw new Error('no page')
    return opened.page
  }
  beforeAll(async () => {
    const results = resultsOf({
      declaration: declared({
        objectives: { electra: {}, 'electra-15': {}, mlm: {} },
        generatorSizes: [0.125, 0.25, 1]
      }),
      scoreOf: (arm, _, place) => [0.8 + (arm.length % 3) / 50 + ((place * place * 7 + arm.length) % 11) / 1000]
    })
    opened = await openSite(new Map([['/', { type: 'text/html', body: await htmlOf(experimentReport(results))() }]]))
    opened.page.on('request', (request) => said.push(request.url()))
    opened.page.on('console', (message) => said.push(message.text()))
    await opened.page.reload()
  })
  afterAll(() => opened?.close())

  it.each([360, 390, 768, 1280])('is no wider than a screen of %i', async (width) => {
    await page().setViewportSize({ width, height: 800 })
    await page().evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)))
    const outside = await page().evaluate(() => {
      const beyond = (element: Element): boolean => {
        const { left, right } = element.getBoundingClientRect()
        return left < -1 || right > window.innerWidth + 1
      }
      // What is wider than its place is moved within it.
      const all = [...document.querySelectorAll('main *')].filter((one) => one.closest('.scroll, pre') === null)
      return {
        width: document.documentElement.scrollWidth,
        beyond: all.filter(beyond).map((one) => one.outerHTML.slice(0, 80))
      }
    })
    expect(outside).toEqual({ width, beyond: [] })
  })

  it('keeps the texts of charts within them, and legible on a phone', async () => {
    await page().setViewportSize({ width: 390, height: 800 })
    const texts = await page().evaluate(() =>
      [...document.querySelectorAll('figure svg.marks text')].map((text) => {
        const [own, whole] = [text, text.closest('svg') ?? text].map((one) => one.getBoundingClientRect())
        return {
          text: text.textContent,
          left: own.left - whole.left,
          right: whole.right - own.right,
          height: own.height
        }
      })
    )
    expect(texts.length).toBeGreaterThan(100)
    expect(texts.filter(({ left, right }) => left < -2 || right < -2)).toEqual([])
    // Rotated ones are as high as they are long.
    expect(Math.min(...texts.map(({ height }) => height))).toBeGreaterThan(10)
  })

  it.each(['light', 'dark'] as const)('stands out from %s paper', async (colorScheme) => {
    await page().emulateMedia({ colorScheme })
    const { paper, texts, lines } = await page().evaluate(() => {
      const rgb = (colour: string): Array<number> => (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number)
      const textOf = (query: string) =>
        [...document.querySelectorAll(query)].map((one) => rgb(getComputedStyle(one).color))
      return {
        paper: rgb(getComputedStyle(document.body).backgroundColor),
        texts: ['p', 'figcaption', 'a', 'td', 'summary'].flatMap(textOf),
        lines: [...document.querySelectorAll('.legend path[stroke]')].map((one) => rgb(getComputedStyle(one).stroke))
      }
    })
    expect(paper[0] > 128).toBe(colorScheme === 'light')
    expect(lines.length).toBeGreaterThan(5)
    expect(Math.min(...texts.map((text) => contrast(text, paper)))).toBeGreaterThan(4.5)
    expect(Math.min(...lines.map((line) => contrast(line, paper)))).toBeGreaterThan(3)
  })

  it('has a heading for each section in order, a name for every chart, and asks the network for nothing', async () => {
    const { levels, unnamed } = await page().evaluate(() => ({
      levels: [...document.querySelectorAll('h1, h2, h3')].map(({ tagName }) => Number(tagName[1])),
      unnamed: [...document.querySelectorAll('figure svg.marks')].filter(
        (one) => one.getAttribute('role') !== 'img' || (one.getAttribute('aria-label') ?? '').length < 20
      ).length
    }))
    expect(levels[0]).toBe(1)
    levels.slice(1).forEach((level, i) => expect(level - levels[i]).toBeLessThanOrEqual(1))
    expect(unnamed).toBe(0)
    // The page itself, and the icon that browsers ask for without being told.
    expect(said.filter((url) => !/^http:\/\/localhost:\d+\/(favicon\.ico)?$/.test(url))).toEqual([])
  })
})
