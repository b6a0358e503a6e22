/**
 * Ours beside TensorFlow.js and jax-js on WebGPU, in one page of Chromium: products, and steps of training. Results are written with what
 * they were measured on.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import type { Measured } from '../../measurement.js'
import { rowsOf, showOverview, showTable } from '../../table.js'
import { slug } from '../slug.js'
import { markdown } from '../markdown.js'
import { openChromium, type Opened } from './chromium.js'
import type { Asked, Found, Losses, PageApi } from './page.js'
import { bundled, serve, type Served } from './site.js'
import { comparedSteps, lossTolerance, stepsAwaited } from './subjects.js'

/** Folders: of the checkout, of the benchmarks, of the page's modules, and of results. */
export type Places = { readonly root: string; readonly bench: string; readonly page: string; readonly out: string }

const parts = ['products', 'step'] as const

const help = `browser.mjs [--small] [options]

  --small       sizes that a software adapter can do in some minutes
  --software    SwiftShader, also where Chromium finds hardware
  --only A,B    of ${parts.join(', ')}
  --rounds N    turns of each (9)
  --limit X     seconds after which one gets no further turn at a row (60), nor a row where a single run takes longer
  --out FOLDER  where the results go: DATE-browser-ADAPTER.md and .json

CHROMIUM names the browser, where it is not the system's.
`

const peers = [
  { name: 'TensorFlow.js', module: 'tfjs', packages: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu'] },
  { name: 'jax-js', module: 'jax', packages: ['@jax-js/jax'] }
] as const

const versionOf = (folder: string, name: string): string => {
  try {
    const { version } = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')) as {
      readonly version: string
    }
    return `${name} ${version}`
  } catch {
    return `${name}, not installed`
  }
}

type Prepared = { readonly files: ReadonlyMap<string, Served>; readonly peers: Asked['peers'] }

/** The page's modules, each by itself, so that one that cannot be had is missing alone. */
const prepare = async ({ root, bench, page }: Places): Promise<Prepared> => {
  const own = await bundled(root, join(page, 'page.ts'))
  if (E.isLeft(own)) throw new Error(`the page is ${own.left}`)
  const script = (body: Uint8Array): Served => ({ type: 'text/javascript', body })
  const files = new Map<string, Served>([
    [
      '/',
      { type: 'text/html', body: '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>' }
    ],
    ['/page.js', script(own.right)]
  ])
  const found: Array<Asked['peers'][number]> = []
  for (const { name, module, packages } of peers) {
    const made = await bundled(root, join(page, `${module}.mjs`))
    if (E.isRight(made)) files.set(`/${module}.js`, script(made.right))
    const detail = packages.map((wanted) => versionOf(bench, wanted)).join(', ')
    found.push({ name, detail, module: E.map(() => `/${module}.js`)(made) })
  }
  return { files, peers: found }
}

const measureIn = async ({ page }: Opened, asked: Asked): Promise<Found> => {
  page.on('console', (message) => console.error(message.text()))
  return page.evaluate((given) => (globalThis as unknown as PageApi).measure(given), asked)
}

const ratiosOf = (title: string, measured: ReadonlyArray<Measured>): string => {
  const answers = measured.flatMap((one) => one.answers)
  if (answers.length === 0) return ''
  return [`## ${title}`, '', showTable(answers), ...(answers.length > 1 ? ['', showOverview(answers)] : []), ''].join(
    '\n'
  )
}

const lossTable = (losses: Losses): string => {
  if (losses.length === 0) return ''
  const expected = losses[0].losses
  const off = (values: ReadonlyArray<number>): string =>
    E.isLeft(expected) ? '' : Math.max(...values.map((x, n) => Math.abs(x / expected.right[n] - 1))).toExponential(1)
  return markdown({
    title: 'Losses before timing',
    columns: ['', ...Array.from({ length: comparedSteps }, (_, n) => `step ${n}`), 'most off'],
    rows: losses.map(({ name, losses: found }) =>
      E.isLeft(found)
        ? [name, ...Array.from({ length: comparedSteps }, () => '-'), found.left]
        : [name, ...found.right.map((x) => x.toFixed(5)), off(found.right)]
    ),
    notes: [
      `Whose loss is off by more than ${lossTolerance} of what it is on this library's wasm device is wrong, and not timed.`
    ]
  })
}

type Conditions = {
  readonly date: string
  readonly adapter: string
  readonly browser: string
  readonly packages: ReadonlyArray<string>
  readonly machine: string
  readonly load: string
  readonly rounds: number
}

const isSoftware = ({ architecture, description }: Opened['adapter']): boolean =>
  /swiftshader|llvmpipe|lavapipe|warp/i.test(`${architecture} ${description}`)

const head = (opened: Opened, { date, adapter, browser, packages, machine, load, rounds }: Conditions): string =>
  [
    `# In a browser, ${date}: ${adapter}`,
    '',
    ...(isSoftware(opened.adapter)
      ? ['**A software adapter: ratios here say how work compares on few slow cores, and nothing about a GPU.**', '']
      : []),
    `- ${browser}; ${opened.flags.join(' ')}`,
    `- ${packages.join(', ')}`,
    `- ${machine}; load before and after: ${load}`,
    `- Everybody in one page, on one adapter, taking turns: ${rounds} rounds, fewer where \`runs\` says so. Columns \`own / it\` and so on are the`,
    `  median of the rounds' ratios: above 1 ours is ahead. A product is checked in 256 elements against float64 before it is timed.`,
    `- A step is a gradient and Adam's update of a two-layer encoder, without dropout; state stays on the GPU, a batch is uploaded a step, and`,
    `  the losses of ${stepsAwaited} steps are awaited after the last.`,
    ''
  ].join('\n')

const write = (out: string, conditions: Conditions, opened: Opened, found: Found): void => {
  const { products, step, losses, adapters } = found
  const steps = step === undefined ? [] : [step]
  const text = [
    head(opened, conditions),
    ratiosOf('Products', products),
    ratiosOf('A step of training', steps),
    lossTable(losses)
  ].join('\n')
  const rows = [...products, ...steps].flatMap(({ answers }) => answers.flatMap(rowsOf))
  const file = join(out, `${conditions.date}-browser-${slug(conditions.adapter)}`)
  mkdirSync(out, { recursive: true })
  writeFileSync(`${file}.md`, text)
  const { version: _, page: __, close: ___, ...facts } = opened
  writeFileSync(`${file}.json`, JSON.stringify({ ...conditions, ...facts, adapters, rows, losses }, undefined, 1))
  console.log(text)
  console.error(`written: ${file}.md, ${file}.json`)
}

const load = (): string => loadavg()[0].toFixed(1)

const optionsOf = () => {
  const { values } = parseArgs({
    options: {
      small: { type: 'boolean', default: false },
      software: { type: 'boolean', default: false },
      only: { type: 'string', default: parts.join(',') },
      rounds: { type: 'string', default: '9' },
      limit: { type: 'string', default: '60' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  return values
}

const measure = async (places: Places): Promise<void> => {
  const options = optionsOf()
  const { files, peers: found } = await prepare(places)
  const site = await serve(files)
  try {
    const opened = await openChromium(site.address, options.software ? ['software'] : ['hardware', 'software'])
    try {
      const before = load()
      const rounds = Number(options.rounds)
      const measured = await measureIn(opened, {
        preset: options.small ? 'small' : 'card',
        parts: parts.filter((part) => options.only.split(',').includes(part)),
        rules: { rounds, limit: Number(options.limit), slow: false },
        peers: found
      })
      const { vendor, architecture, description } = opened.adapter
      const conditions = {
        date: new Date().toISOString().slice(0, 10),
        adapter: [description, vendor, architecture].filter((word) => word !== '').join(', '),
        browser: `Chromium ${opened.version}`,
        packages: found.map(({ detail }) => detail),
        machine: `${cpus().length} cores of ${cpus()[0].model.trim()}`,
        load: `${before}, ${load()}`,
        rounds
      }
      write(options.out ?? places.out, conditions, opened, measured)
    } finally {
      await opened.close()
    }
  } finally {
    await site.close()
  }
}

export const main = async (places: Places): Promise<void> => {
  if (optionsOf().help) return console.log(help)
  try {
    await measure(places)
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : String(thrown))
    process.exitCode = 1
  }
}
