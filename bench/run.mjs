/**
 * `npm run bench`: installs the peers where they are missing (for `--help` it does not), bundles the measurements with the sources they measure (Node 20
 * does not read TypeScript), and runs them.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

/** Peers that cannot be had are no failure: their rows say what is missing. */
const install = () => {
  const lock = readFileSync(path('package-lock.json'), 'utf8')
  const stamp = path('node_modules/.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('installing the peers into bench/node_modules (about 460 MB, once)')
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: path('.'),
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32'
  })
  if (status === 0) writeFileSync(stamp, lock)
}

// Help measures nothing.
if (!process.argv.includes('--help')) install()
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
