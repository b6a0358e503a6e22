/** Bundles the measurements with the sources they measure, and runs them: Node 20 does not read TypeScript. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const bundle = new URL('node_modules/.cache/main.mjs', import.meta.url)

await build({
  entryPoints: [fileURLToPath(new URL('main.ts', import.meta.url))],
  outfile: fileURLToPath(bundle),
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline'
})
await import(bundle.href)
