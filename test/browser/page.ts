/**
 * A headless Chromium with a page of ours in it: modules bundled for browsers, served from this machine, isolated (COOP
 * and COEP), so that shared memory works as it would on a site that sets those headers.
 */

import { build, type Plugin } from 'esbuild'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
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

/** Where the page is no secure context. */
const insecureHost = 'insecure.test'

/** WebGPU and WebGL by SwiftShader, Chromium's software renderer: the same everywhere. */
const flags = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  `--host-resolver-rules=MAP ${insecureHost} 127.0.0.1`
]

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What package.json says of the build to bundlers for browsers, said of the sources. */
const forBrowsers: Plugin = {
  name: 'browser field',
  setup: (esbuild) => {
    const { browser } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly browser: Readonly<Record<string, string>>
    }
    const source = (built: string): string => join(root, built.replace('dist/', 'src/').replace(/\.js$/, '.ts'))
    for (const [module, replacement] of Object.entries(browser))
      esbuild.onLoad({ filter: new RegExp(`^${source(module).replaceAll('.', '\\.')}$`) }, () => ({
        contents: `export * from ${JSON.stringify(source(replacement))}`,
        loader: 'ts'
      }))
  }
}

export type Served = { readonly type: string; readonly body: string | Uint8Array }

/** Files by their paths on the site. */
export type Site = ReadonlyMap<string, Served>

/** A page that loads `/page.js`. */
export const html: Served = {
  type: 'text/html',
  body: '<!doctype html><meta charset="utf-8"><title>pure-electra</title><script type="module" src="/page.js"></script>'
}

/** The site of a page that loads the module `page`, with others, each bundled as `/name.js`. */
export const bundledByEsbuild = async (modules: Readonly<Record<string, URL>>): Promise<Site> => {
  const { outputFiles } = await build({
    entryPoints: Object.fromEntries(Object.entries(modules).map(([name, url]) => [name, fileURLToPath(url)])),
    outdir: '/',
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
    // What package.json says of side effects, it says of the build.
    ignoreAnnotations: true,
    plugins: [forBrowsers]
  })
  return new Map<string, Served>([
    ['/', html],
    ...outputFiles.map(({ path, contents }) => [path, { type: 'text/javascript', body: contents }] as const)
  ])
}

export type Opened = { readonly page: Page; readonly close: () => Promise<void> }

export type PageOptions = {
  /** Whether it is served with the headers that let it share memory. */
  readonly isIsolated?: boolean
  /** Whether its address is one that browsers trust though it is not https. */
  readonly isSecure?: boolean
  /** What follows its address, with the `#`. */
  readonly hash?: string
  /** Whether the browser offers it no WebGPU. */
  readonly isGpuOff?: boolean
}

/** The page of a site, loaded, and how to close everything again. */
export const openSite = async (
  site: Site,
  { isIsolated = true, isSecure = true, hash = '', isGpuOff = false }: PageOptions = {}
): Promise<Opened> => {
  const headers = isIsolated
    ? { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
    : {}
  const server = createServer((request, response) => {
    const found = site.get(request.url ?? '/')
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': found?.type ?? 'text/plain', ...headers })
    response.end(found?.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    headless: true,
    args: isGpuOff ? [...flags.filter((flag) => !flag.includes('webgpu')), '--disable-features=WebGPU'] : flags
  })
  const page = await browser.newPage()
  const { port } = server.address() as AddressInfo
  await page.goto(`http://${isSecure ? 'localhost' : insecureHost}:${port}/${hash}`, { waitUntil: 'load' })
  return {
    page,
    close: async () => {
      await browser.close()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

/** A page with `entry` loaded into it. Modules for its threads are served as `/name.js`. */
export const openPage = async (
  entry: URL,
  { threads = {}, ...options }: PageOptions & { readonly threads?: Readonly<Record<string, URL>> } = {}
): Promise<Opened> => openSite(await bundledByEsbuild({ page: entry, ...threads }), options)
