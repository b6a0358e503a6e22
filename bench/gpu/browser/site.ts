/** The page's site: modules bundled for browsers, served from this machine, isolated (COOP and COEP). */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import * as E from 'fp-ts/lib/Either.js'

/** What package.json says of the build to bundlers for browsers, said of the sources. */
const forBrowsers = (root: string): Plugin => ({
  name: 'browser field',
  setup: (esbuild) => {
    const { browser } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly browser: Readonly<Record<string, string>>
    }
    const source = (built: string): string => join(root, built.replace('dist/', 'src/').replace(/\.js$/, '.ts'))
    for (const [module, replacement] of Object.entries(browser).filter(([name]) => name.startsWith('./dist/')))
      esbuild.onLoad({ filter: new RegExp(`^${source(module).replaceAll('.', '\\.')}$`) }, () => ({
        contents: `export * from ${JSON.stringify(source(replacement))}`,
        loader: 'ts'
      }))
  }
})

/** A module for browsers, or why there is none: the first line of what is wrong. */
export const bundled = async (root: string, entry: string): Promise<E.Either<string, Uint8Array>> => {
  try {
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      logLevel: 'silent',
      // What package.json says of side effects, it says of the build.
      ignoreAnnotations: true,
      plugins: [forBrowsers(root)]
    })
    return E.right(outputFiles[0].contents)
  } catch (thrown) {
    const [, why] = String(thrown instanceof Error ? thrown.message : thrown).split('\n')
    return E.left(`not bundled: ${why ?? 'no reason given'}`)
  }
}

export type Served = { readonly type: string; readonly body: string | Uint8Array }

export type Site = { readonly address: string; readonly close: () => Promise<void> }

/** Serves files by their paths. */
export const serve = async (files: ReadonlyMap<string, Served>): Promise<Site> => {
  const server = createServer((request, response) => {
    const found = files.get(request.url ?? '/')
    response.writeHead(found === undefined ? 404 : 200, {
      'content-type': found?.type ?? 'text/plain',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp'
    })
    response.end(found?.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
