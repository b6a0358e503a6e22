/**
 * `npm run bench`: installs the peers where they are missing (for `--help` it does not), bundles the measurements with the sources they measure (Node 20
 * does not read TypeScript), and runs them.
 */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { installPeers } from './install.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

// Help measures nothing.
if (!process.argv.includes('--help')) installPeers()
await build({
  entryPoints: [path('main.ts'), path('fresh.ts')],
  outdir: path('node_modules/.cache'),
  outExtension: { '.js': '.mjs' },
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline'
})
await import(new URL('node_modules/.cache/main.mjs', import.meta.url).href)
