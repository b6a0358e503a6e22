import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { built } from '../../built.js'

const { browser } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  readonly browser: Readonly<Record<string, string>>
}

const namesOf = async (path: string): Promise<ReadonlyArray<string>> =>
  Object.keys((await import(built(path.replace('./dist/', '')).href)) as object)

describe('the platforms', () => {
  const own = Object.entries(browser).filter(([node]) => node.startsWith('./dist/'))

  it.each(own)('%s has what stands in its place in browsers, %s', async (node, web) => {
    expect(await namesOf(web)).toEqual(await namesOf(node))
  })
})
