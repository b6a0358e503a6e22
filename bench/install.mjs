/** The peers: packages of this folder, installed where they are missing, without their install scripts. */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

/** Peers that cannot be had are no failure: their rows say what is missing. */
export const installPeers = () => {
  const lock = readFileSync(path('package-lock.json'), 'utf8')
  const stamp = path('node_modules/.installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('installing the peers into bench/node_modules (about 470 MB, once)')
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: path('.'),
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32'
  })
  if (status === 0) writeFileSync(stamp, lock)
}
