/**
 * Builds `dist/` afresh: JavaScript, declarations and source maps, the entry of Web Workers in one piece, and an executable
 * command line.
 */
import { build } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit'
})
if (status !== 0) process.exit(status ?? 1)

const thread = 'dist/workers/pool/web/thread.js'
await build({
  entryPoints: [thread],
  outfile: thread,
  allowOverwrite: true,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  sourcemap: true,
  logLevel: 'warning'
})

for (const name of ['bin', 'main']) chmodSync(`dist/electra/cli/${name}.js`, 0o755)
