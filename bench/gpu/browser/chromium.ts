/** A headless Chromium with an adapter: the hardware's where Chromium finds one, else SwiftShader. */

import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'

/** `CHROMIUM` names one; otherwise where Debian and others install it. */
const executable = (): string | undefined =>
  [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (path) => path !== undefined && existsSync(path)
  )

const always = ['--no-sandbox', '--enable-unsafe-webgpu']

const flagsOf = {
  hardware: [...always, '--ignore-gpu-blocklist', '--enable-features=Vulkan'],
  software: [...always, '--use-webgpu-adapter=swiftshader', '--use-angle=swiftshader', '--enable-unsafe-swiftshader']
} as const

export type Kind = keyof typeof flagsOf

export type Adapter = {
  readonly vendor: string
  readonly architecture: string
  readonly description: string
  readonly features: ReadonlyArray<string>
  readonly limits: Readonly<Record<string, number | undefined>>
}

const limitNames = [
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup'
] as const

/** The adapter as the page sees it. */
const adapterOf = (page: Page): Promise<Adapter | undefined> =>
  page.evaluate(async (names) => {
    const gpu = navigator.gpu as GPU | undefined
    const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' })
    if (adapter === null || adapter === undefined) return undefined
    const { vendor, architecture, description } = adapter.info
    return {
      vendor,
      architecture,
      description,
      features: [...adapter.features].sort(),
      limits: Object.fromEntries(names.map((name) => [name, adapter.limits[name]]))
    }
  }, limitNames)

export type Opened = {
  readonly page: Page
  readonly version: string
  readonly flags: ReadonlyArray<string>
  readonly adapter: Adapter
  readonly close: () => Promise<void>
}

const openWith = async (
  executablePath: string,
  flags: ReadonlyArray<string>,
  address: string
): Promise<Opened | undefined> => {
  const browser: Browser = await chromium.launch({ executablePath, headless: true, args: [...flags] })
  const page = await browser.newPage()
  await page.goto(address, { waitUntil: 'load' })
  const adapter = await adapterOf(page)
  if (adapter !== undefined) return { page, version: browser.version(), flags, adapter, close: () => browser.close() }
  await browser.close()
  return undefined
}

/** The page at an address, in the first kind of Chromium that has an adapter. Throws one sentence where none has. */
export const openChromium = async (address: string, kinds: ReadonlyArray<Kind>): Promise<Opened> => {
  const path = executable()
  if (path === undefined)
    throw new Error('found no Chromium: install it (Debian: apt-get install chromium), or name one by CHROMIUM')
  for (const kind of kinds) {
    const opened = await openWith(path, flagsOf[kind], address)
    if (opened !== undefined) return opened
  }
  throw new Error(
    `Chromium (${path}) finds no WebGPU adapter here, neither hardware nor SwiftShader: nothing is measured`
  )
}
