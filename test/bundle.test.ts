/**
 * What a page loads that imports the library: no schema library, none of fp-ts as CommonJS (which cannot be shaken),
 * and no more than it uses.
 */

import { build as esbuild } from 'esbuild'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build as vite, type Rolldown } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { built } from './built.js'

type Bundle = { readonly bytes: number; readonly modules: ReadonlyArray<string> }

const page = (device: string): string => `
  import { grad } from 'pure-electra/autodiff'
  import { ${device}, evaluate, square, sum, tensor } from 'pure-electra/tensor'
  console.log(evaluate(${device}())(grad((x) => sum()(square(x)))(tensor([1, 2, 3]))))`

const everything = `
  import * as a from 'pure-electra/autodiff'
  import * as n from 'pure-electra/nn'
  import * as t from 'pure-electra/tensor'
  console.log(a, n, t)`

let folder = ''
beforeAll(async () => {
  built('tensor/index.js')
  // Inside the clone, where the package finds itself by name.
  folder = await mkdtemp(join(resolve('node_modules'), '.bundle-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const bundlers: Readonly<Record<string, (contents: string) => Promise<Bundle>>> = {
  esbuild: async (contents) => {
    const { metafile } = await esbuild({
      stdin: { contents, resolveDir: resolve('.') },
      ...{ bundle: true, minify: true, format: 'esm', platform: 'browser', write: false, metafile: true },
      // As where it is not installed: an optional peer, loaded when it is asked for.
      alias: { 'gpu.js': 'a-package-that-is-missing' },
      logLevel: 'error'
    })
    const [{ bytes, inputs }] = Object.values(metafile.outputs)
    return { bytes, modules: Object.keys(inputs).filter((path) => inputs[path].bytesInOutput > 0) }
  },
  vite: async (contents) => {
    const input = join(folder, 'page.mjs')
    await writeFile(input, contents)
    const built = (await vite({
      root: folder,
      configFile: false,
      logLevel: 'error',
      build: { write: false, minify: true, modulePreload: false, rolldownOptions: { input, external: ['gpu.js'] } }
    })) as Rolldown.RolldownOutput
    const chunks = built.output.flatMap((o) => (o.type === 'chunk' ? [o] : []))
    return {
      bytes: chunks.reduce((sum, { code }) => sum + Buffer.byteLength(code), 0),
      modules: chunks.flatMap(({ modules }) =>
        Object.entries(modules).flatMap(([path, { renderedLength }]) => (renderedLength > 0 ? [path] : []))
      )
    }
  }
}

const unwanted = /node_modules[\\/](zod|fp-ts[\\/]lib)[\\/]/

describe.each(Object.entries(bundlers))('a page bundled by %s', (_, bundle) => {
  it.each([
    ['reference', 41_500],
    ['wasm', 110_000]
  ])('with gradients on %s is at most %i bytes', async (device, limit) => {
    const { bytes, modules } = await bundle(page(device))
    expect(modules.filter((path) => unwanted.test(path))).toEqual([])
    expect(modules.some((path) => /fp-ts[\\/]es6/.test(path))).toBe(true)
    expect(bytes).toBeLessThanOrEqual(limit)
  })

  it('has neither zod nor CommonJS of fp-ts where it imports everything', async () => {
    const { modules } = await bundle(everything)
    expect(modules.length).toBeGreaterThan(50)
    expect(modules.filter((path) => unwanted.test(path))).toEqual([])
  })
})
