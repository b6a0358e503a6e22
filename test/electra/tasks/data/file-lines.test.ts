import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, describe, expect, it } from 'vitest'
import { showTaskDataError } from '../../../../src/electra/tasks/data/data-error.js'
import { eachLine, wholeText } from '../../../../src/electra/tasks/data/file-lines.js'
import { gatherer, readLinesOf } from '../../../../src/electra/tasks/data/reader.js'
import { readSquad } from '../../../../src/electra/tasks/data/squad.js'
import { readTable, tsvReader, type Table } from '../../../../src/electra/tasks/data/table.js'
import { left, right, rightOf } from '../../data/right.js'

const directory = mkdtempSync(join(tmpdir(), 'task-data-'))
afterAll(() => rmSync(directory, { recursive: true }))

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

const table: Table = { form: 'tsv', header: true, columns: { textA: 'text', label: 'label' }, labels: { _tag: 'any' } }
const strict = { skipMalformed: false }

describe('a file of a data set', () => {
  const lines = ['\ufefflabel\ttext', 'x\tone\u2028two', 'y\tthree']
  const examples = [
    { id: '0', textA: 'one\u2028two', label: 'x' },
    { id: '1', textA: 'three', label: 'y' }
  ]

  it.each([
    ['lf.tsv', lines.join('\n') + '\n'],
    ['crlf.tsv', lines.join('\r\n')],
    ['lf.tsv.gz', gzipSync(lines.join('\n'))],
    ['gzip-by-another-name.tsv', gzipSync(lines.join('\r\n'))]
  ])('is read whatever ends its lines, with a byte order mark and compressed: %s', async (name, content) => {
    expect(await rightOf(readTable(table, strict)(file(name, content)))).toEqual({ examples, skipped: [] })
  })

  it('of commas and of JSON is read whole', async () => {
    const csv = file('a.csv', '\ufefflabel,text\r\nx,"a,\r\nb"\r\n')
    expect((await rightOf(readTable({ ...table, form: 'csv' }, strict)(csv))).examples).toEqual([
      { id: '0', textA: 'a,\nb', label: 'x' }
    ])
    const squad = file(
      'a.json',
      '\ufeff{"data": [{"paragraphs":\r\n [{"context": "a", "qas": [{"id": "q", "question": "?"}]}]}]}'
    )
    expect((await rightOf(readSquad(strict)(squad))).examples).toHaveLength(1)
  })

  it('that cannot be read is an error in one sentence', async () => {
    const shown = async (path: string) => showTaskDataError(left(await readTable(table, strict)(path)()))
    const at = (name: string) => join(directory, name)
    expect(await shown(at('none'))).toBe(`cannot read ${at('none')}: no such file or directory (ENOENT)`)
    expect(await shown(directory)).toContain('found something that is no file')
    execFileSync('mkfifo', [at('pipe')])
    expect(await shown(at('pipe'))).toContain('found something that is no file')
    expect(await shown(file('nul', 'label\ttext\na\0'))).toContain('line 2, byte 12: found a NUL byte')
    expect(await shown(file('latin', Uint8Array.of(0x61, 0xe9, 0x0a)))).toContain('found bytes that are not UTF-8')
    expect(await shown(file('cut.gz', gzipSync(lines.join('\n')).subarray(0, 20)))).toContain('unexpected end of file')
    expect(await shown(file('empty', ''))).toBe(`${at('empty')}: found no examples, expected one or more`)
  })

  it('is read as far as memory has room for', async () => {
    const path = file('long', 'a\nbb\nccc\n')
    const read = (limits: { characters: number; lines: number }) => eachLine(path, limits)(() => E.right(undefined))()
    expect(right(await read({ characters: 9, lines: 3 }))).toBeUndefined()
    expect(left(await read({ characters: 8, lines: 3 }))).toMatchObject({ _tag: 'TooMuchData', limit: '8 characters' })
    expect(left(await read({ characters: 9, lines: 2 }))).toMatchObject({ _tag: 'TooMuchData', limit: '2 lines' })
    const gathered = gatherer<number>('f', strict, undefined, 1)
    expect(right(gathered.add('line 1', 1))).toBeUndefined()
    expect(left(gathered.add('line 2', 2))).toMatchObject({ _tag: 'TooMuchData', limit: '1 examples' })
  })

  it('gives what its lines give, and ends where they do', async () => {
    const path = file('some', 'label\ttext\nx\ta\nbroken\ny\tb')
    expect(left(await readLinesOf(tsvReader(table), strict)(path)())).toMatchObject({ where: 'line 3' })
    expect(await rightOf(wholeText(path))).toBe('label\ttext\nx\ta\nbroken\ny\tb')
  })
})
