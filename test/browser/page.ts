/**
 * A headless Chromium with a page of ours in it: an entry bundled for browsers, served from this machine, isolated
 * (COOP and COEP), so that shared memory works as it would on a site that sets those headers.
 */

import { build } from 'esbuild'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { chromium, type Page } from 'playwright-core'

/** `CHROMIUM` names one; otherwise where Debian and others install it. */
const chromiumPath = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome'
].find((path) => path !== undefined && existsSync(path))

export const hasChromium = chromiumPath !== undefined

/** WebGPU and WebGL by SwiftShader, Chromium's software renderer: the same everywhere. */
const flags = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader'
]

const html =
  '<!doctype html><meta charset="utf-8"><title>pure-electra</title><script type="module" src="/entry.js"></script>'

const bundle = async (entry: URL): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error'
  })
  return outputFiles[0].text
}

/** A page with `entry` loaded into it, and how to close everything again. */
export const openPage = async (entry: URL): Promise<{ readonly page: Page; readonly close: () => Promise<void> }> => {
  const script = await bundle(entry)
  const server = createServer((request, response) => {
    const isScript = request.url === '/entry.js'
    response.writeHead(200, {
      'content-type': isScript ? 'text/javascript' : 'text/html',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp'
    })
    response.end(isScript ? script : html)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({ executablePath: chromiumPath, headless: true, args: flags })
  const page = await browser.newPage()
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`, { waitUntil: 'load' })
  return {
    page,
    close: async () => {
      await browser.close()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
