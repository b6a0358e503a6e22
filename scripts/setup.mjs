/**
 * What a fresh clone needs before `npm start` and `npm test`: the packages of the lock file, and a build of the sources.
 * Does nothing where both are already there and up to date; with `--rebuild` it builds in any case.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`pure-electra needs Node 20.19 or newer; this is ${process.version}`)
  process.exit(1)
}

const run = (command, args) => {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' })
  if (error !== undefined) console.error(`${command}: ${error.message}`)
  if (status !== 0) process.exit(status ?? 1)
}

const hash = (files) =>
  files.reduce((h, file) => h.update(file).update(readFileSync(file)), createHash('sha256')).digest('hex')

const filesBelow = (dir) =>
  readdirSync(dir, { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? filesBelow(join(dir, e.name)) : [join(dir, e.name)]))
    .sort()

/** Runs `work` unless `stamp` already holds `fingerprint`, or in any case. */
const once = (stamp, fingerprint, work, always = false) => {
  if (!always && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return
  work()
  mkdirSync(join(stamp, '..'), { recursive: true })
  writeFileSync(stamp, fingerprint)
}

once('node_modules/.pure-electra-setup', hash(['package-lock.json']), () =>
  run('npm', ['ci', '--no-audit', '--no-fund'])
)
once(
  'dist/.sources',
  hash([...filesBelow('src'), 'package.json', 'scripts/build.mjs', 'tsconfig.json', 'tsconfig.build.json']),
  () => run(process.execPath, ['scripts/build.mjs']),
  process.argv.includes('--rebuild')
)
