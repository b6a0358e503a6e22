import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../', import.meta.url)
const readme = readFileSync(new URL('README.md', root), 'utf8')

/** The examples that the README shows, by file name, with the text that it shows. */
const shown = [...readme.matchAll(/<!-- example: ([\w.-]+) -->\n\n```ts\n([^]*?)```/g)].map(([, name, text]) => ({
  name,
  text
}))

describe('the README', () => {
  it('shows two examples', () => {
    expect(shown.map(({ name }) => name)).toEqual(['descent.ts', 'gradient-property.ts'])
  })

  it.each(shown)('shows $name as it is', ({ name, text }) => {
    expect(text).toBe(readFileSync(new URL(`examples/${name}`, root), 'utf8'))
  })

  it('links to files that are there', () => {
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)].map(([, path]) => path)
    expect(links.length).toBeGreaterThan(3)
    for (const path of links) expect(() => readFileSync(new URL(path, root)), path).not.toThrow(/ENOENT/)
  })
})
