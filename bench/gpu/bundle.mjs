/** Bundles a measurement with the sources that it measures: Node 20 does not read TypeScript. */

import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

/** `entry` is a file of this folder. `external` packages are found where the bundle lies. */
export const bundle = async (entry, outfile, more = {}) => {
  await build({
    entryPoints: [path(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    ...more
  })
  return outfile
}

/** Bundles and runs it in this checkout; gives what it exports. */
export const runHere = async (entry) => {
  const outfile = path(`../../node_modules/.cache/gpu/${entry.replace(/\.ts$/, '.mjs')}`)
  await bundle(entry, outfile, { packages: 'external', sourcemap: 'inline' })
  return import(outfile)
}
