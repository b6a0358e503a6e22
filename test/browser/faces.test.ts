/**
 * What the package gives to bundlers for browsers. They refuse to bundle a module of Node.js.
 */

import { build } from 'esbuild'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { built } from '../built.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

const { exports } = JSON.parse(await readFile(`${root}package.json`, 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>
}

const faces = Object.keys(exports).flatMap((subpath) =>
  subpath.endsWith('.json') ? [] : [subpath.replace('.', 'pure-electra')]
)

/** What a page of one line comes to, what it was made from, and the modules that it still imports when it is bundled. */
const bundled = async (line: string) => {
  built('workers/pool/web/spawn.js')
  const { outputFiles, metafile } = await build({
    stdin: { contents: line, resolveDir: root },
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent'
  })
  return {
    text: outputFiles[0].text,
    inputs: Object.keys(metafile.inputs),
    imports: Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external))
  }
}

describe('bundled for a browser', () => {
  it.each(faces)('%s needs nothing of Node.js', async (face) => {
    const { text, imports } = await bundled(`export * from '${face}'`)
    expect(imports).toEqual([])
    expect(text).not.toMatch(/["']node:/)
  })

  it('a thread is one file already, which can be served as it is', async () => {
    const { inputs, imports } = await bundled(`import './dist/workers/pool/web/thread.js'`)
    expect(inputs).toEqual(['dist/workers/pool/web/thread.js', '<stdin>'])
    expect(imports).toEqual([])
  })

  it('what needs files is missing by name', async () => {
    await expect(bundled(`export { pretrainingSession, pretrain } from 'pure-electra/electra'`)).rejects.toThrow(
      'No matching export in "dist/electra/browser.js" for import "pretrain"'
    )
  })
})
