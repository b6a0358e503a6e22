/**
 * The package as its users get it: packed, installed in another project, imported by plain Node and by TypeScript.
 */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { built } from './built.js'

/** Downloading the dependencies, where npm has not kept them. */
const patience = 600_000

type Manifest = {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly devDependencies: Readonly<Record<string, string>>
}

let [directory, project] = ['', '']
let manifest: Manifest
let packed: ReadonlyArray<string>

const run = async (cwd: string, file: string, ...args: ReadonlyArray<string>): Promise<string> =>
  (await promisify(execFile)(file, [...args], { cwd, shell: process.platform === 'win32' })).stdout

beforeAll(async () => {
  built('electra/cli/main.js')
  manifest = JSON.parse(await readFile('package.json', 'utf8')) as Manifest
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-package-'))
  project = join(directory, 'project')
  await mkdir(project)
  await writeFile(join(project, 'package.json'), '{ "name": "another-project", "private": true, "type": "module" }')

  const answer = await run('.', 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', directory)
  const [{ filename, files }] = JSON.parse(answer) as ReadonlyArray<{
    readonly filename: string
    readonly files: ReadonlyArray<{ readonly path: string }>
  }>
  packed = files.map(({ path }) => path)
  await run(
    project,
    'npm',
    ...['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error'],
    join(directory, filename),
    `fast-check@${manifest.devDependencies['fast-check']}`
  )
}, patience)
afterAll(() => rm(directory, { recursive: true, force: true }))

const subpaths = (): ReadonlyArray<string> =>
  Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')

describe('the packed package', () => {
  it('holds every file that it exports, its text and its licence, and no tests', () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target)
    )
    expect(packed).toEqual(expect.arrayContaining(targets.map((target) => target.replace('./', ''))))
    expect(packed).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'data/README.md', 'dist/workers/pool/thread.js'])
    )
    expect(packed.some((path) => path.startsWith('data/sample/'))).toBe(true)
    expect(packed.filter((path) => /(^|\/)(test|node_modules|bench)\//.test(path))).toEqual([])
  })

  it('has declarations and a source map for every module', () => {
    const modules = packed.filter((path) => path.startsWith('dist/') && path.endsWith('.js'))
    expect(modules.length).toBeGreaterThan(50)
    expect(packed).toEqual(
      expect.arrayContaining(modules.flatMap((path) => [`${path}.map`, path.replace(/\.js$/, '.d.ts')]))
    )
  })
})

describe('another project that installed it', () => {
  it('imports every part of it in plain Node', async () => {
    const names = subpaths().map((subpath) => `${manifest.name}/${subpath.replace('./', '')}`)
    await writeFile(
      join(project, 'imports.mjs'),
      `for (const name of ${JSON.stringify(names)}) {
         const found = Object.keys(await import(name)).length
         console.log(name, found > 0)
       }`
    )
    expect(names.length).toBeGreaterThanOrEqual(6)
    expect(await run(project, process.execPath, 'imports.mjs')).toBe(names.map((name) => `${name} true\n`).join(''))
  })

  it("runs the README's first example", async () => {
    const { code } = await transform(await readFile(join('examples', 'descent.ts'), 'utf8'), { loader: 'ts' })
    await writeFile(join(project, 'descent.mjs'), code)
    const printed = /prints `([^`]+)`/.exec(await readFile('README.md', 'utf8'))?.[1]
    expect(await run(project, process.execPath, 'descent.mjs')).toBe(`${printed}\n`)
  })

  it('compiles against its types, library checks included', async () => {
    await writeFile(
      join(project, 'consumer.ts'),
      `import * as E from 'fp-ts/lib/Either.js'
       import { pipe } from 'fp-ts/lib/function.js'
       import { grad } from 'pure-electra/autodiff'
       import { presetConfig, pretrain, type ElectraConfig } from 'pure-electra/electra'
       import { dense } from 'pure-electra/nn'
       import { evaluate, mul, sum, tensor, wasm, type Literal, type Tensor } from 'pure-electra/tensor'
       import { assertGradients } from 'pure-electra/testing'
       import { withPool } from 'pure-electra/workers'

       const energy = (x: Tensor): Tensor => pipe(x, mul(x), sum())
       export const gradient: E.Either<unknown, Literal> = evaluate(wasm())(grad(energy)(tensor([1, 2, 3])))
       export const config: E.Either<unknown, ElectraConfig> = presetConfig('nano')
       export const all = [pretrain, dense, assertGradients, withPool]`
    )
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          ...{ module: 'nodenext', target: 'es2022', strict: true, skipLibCheck: false, noEmit: true },
          // gpu.js speaks of canvases and WebGL.
          ...{ lib: ['es2023', 'dom'], types: [] }
        },
        files: ['consumer.ts']
      })
    )
    const compiler = resolve('node_modules', 'typescript', 'bin', 'tsc')
    expect(await run(project, process.execPath, compiler, '-p', '.')).toBe('')
  })

  it('has the command line', async () => {
    expect(await run(project, 'npx', '--no', 'pure-electra', '--', '--help')).toMatch(/^Usage: pure-electra /)
  })
})

describe('the clone', () => {
  it('has the command line', async () => {
    expect(await run('.', 'npx', '--no', 'pure-electra', '--', '--help')).toMatch(/^Usage: pure-electra /)
  })
})
