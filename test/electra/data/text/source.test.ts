import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showCorpusError, type CorpusError } from '../../../../src/electra/data/corpus-error.js'
import { lineSplitter, longestLine, readLines, spool } from '../../../../src/electra/data/text/lines.js'
import { findText } from '../../../../src/electra/data/text/source.js'
import { left, right, rightOf } from '../right.js'

/** All lines of bytes that arrive in pieces cut at these places. */
const split = (bytes: Uint8Array, cuts: ReadonlyArray<number>): E.Either<CorpusError, ReadonlyArray<string>> => {
  const splitter = lineSplitter('t.txt', longestLine.lines)
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  const lines: Array<string> = []
  let start = 0
  for (const end of places) {
    const some = splitter.push(Buffer.from(bytes.subarray(start, end)))
    if (E.isLeft(some)) return some
    lines.push(...some.right)
    start = end
  }
  const last = splitter.end()
  return E.isLeft(last) ? last : E.right([...lines, ...last.right])
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('lines of bytes', () => {
  const cuts = fc.array(fc.nat(1000), { maxLength: 6 })

  it('are those of the text, wherever the bytes are cut', () => {
    const line = fc.string({ unit: fc.constantFrom('a', ' ', 'é', '中', '😀', '\r', '\ufeff'), maxLength: 8 })
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.boolean(), cuts, (lines, endsInNewline, places) => {
        const text = lines.join('\n') + (endsInNewline ? '\n' : '')
        const expected = text.split(/\r\n|\n|\r/)
        if (expected.at(-1) === '') expected.pop()
        expect(right(split(bytesOf(text), places))).toEqual(expected)
      })
    )
  })

  it('are decoded or refused, and the verdict does not depend on the cuts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), cuts, (bytes, places) => {
        expect(split(bytes, places)).toEqual(split(bytes, []))
      })
    )
  })

  it.each([
    ['a NUL byte', [97, 10, 98, 0, 99], { line: 2, offset: 3, found: 'a NUL byte' }],
    ['a stray continuation byte', [97, 10, 98, 0x80, 99], { line: 2, offset: 3, found: 'bytes that are not UTF-8' }],
    [
      'a character cut off by the line end',
      [97, 10, 0xe4, 0xb8, 10],
      { line: 2, offset: 4, found: 'bytes that are not UTF-8' }
    ],
    ['a surrogate', [0xed, 0xa0, 0x80], { line: 1, offset: 1, found: 'bytes that are not UTF-8' }]
  ])('with %s are refused with their line and byte', (_, bytes, where) => {
    expect(left(split(Uint8Array.from(bytes), []))).toEqual({ _tag: 'MalformedText', path: 't.txt', ...where })
  })

  it('may be as long as the limit and no longer', () => {
    const line = new Uint8Array(longestLine.lines).fill(97)
    expect(right(split(line, [5000]))[0]).toHaveLength(longestLine.lines)
    for (const tail of [[97], [97, 10]])
      expect(left(split(Uint8Array.from([98, 10, ...line, ...tail]), []))).toEqual({
        _tag: 'LineTooLong',
        path: 't.txt',
        line: 2,
        limit: longestLine.lines
      })
  })
})

describe('text files', () => {
  let directory = ''
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'text-source-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  const file = async (name: string, bytes: Uint8Array) => {
    await writeFile(join(directory, name), bytes)
    const path = join(directory, name)
    return { path, shown: path, name, bytes: bytes.length, form: 'lines', isStream: false } as const
  }

  const linesOf = async (name: string, bytes: Uint8Array) => {
    const lines: Array<string> = []
    const seen: Array<number> = []
    const sha256 = await readLines(await file(name, bytes), (n) => seen.push(n))((some) =>
      TE.fromIO(() => {
        lines.push(...some)
      })
    )()
    return { lines, sha256, bytes: seen.reduce((a, b) => a + b, 0) }
  }

  it('are read in chunks, plain or compressed, with the hash and size of what is stored', async () => {
    const text = Array.from({ length: 60_000 }, (_, i) => `line ${i} é`)
    const plain = Buffer.from(text.join('\n'))
    for (const [name, bytes] of [
      ['a.txt', plain],
      ['a.txt.gz', gzipSync(plain)]
    ] as const) {
      const read = await linesOf(name, bytes)
      expect(read.lines).toEqual(text)
      expect(right(read.sha256)).toBe(createHash('sha256').update(bytes).digest('hex'))
      expect(read.bytes).toBe(bytes.length)
    }
  })

  it('that are compressed and cut short are refused', async () => {
    const { sha256 } = await linesOf('cut.gz', gzipSync(Buffer.from('some text\n'.repeat(100))).subarray(0, -9))
    expect(left(sha256)).toMatchObject({ _tag: 'UnreadableFile', path: join(directory, 'cut.gz') })
    const plain = await linesOf('plain.gz', Buffer.from('some text\n'))
    expect(left(plain.sha256)).toMatchObject({ _tag: 'UnreadableFile', path: join(directory, 'plain.gz') })
  })

  it('stop being read where the reader fails', async () => {
    const error: CorpusError = { _tag: 'NoText', inputs: [], skipped: [] }
    const read = readLines(await file('b.txt', bytesOf('a\nb')), () => undefined)(() => TE.left(error))
    expect(left(await read())).toBe(error)
  })

  it('of a directory are those that are text by name or by their beginning, sorted; the rest is counted', async () => {
    const tree = join(directory, 'tree')
    await mkdir(join(tree, 'b', '.hidden'), { recursive: true })
    const names = [
      'c.txt',
      'a.txt.gz',
      'README.md',
      'x.md',
      '.x.txt',
      'b/z.txt',
      'b/.hidden/y.txt',
      'B.txt',
      'wiki_00',
      'r.jsonl.gz'
    ]
    for (const name of names) await writeFile(join(tree, name), 'x')
    await writeFile(join(tree, 'binary'), Uint8Array.of(0xcf, 0xfa, 0, 0))
    // A character that the first 4,096 bytes end in the middle of is no reason to leave a file out.
    await writeFile(join(tree, 'cut'), `x${'é'.repeat(3000)}`)
    await writeFile(join(tree, 'nothing.txt'), '')
    const { files, skipped } = await rightOf(findText([tree, join(tree, 'README.md')], false))
    expect(files.map(({ name, form }) => `${name} ${form}`)).toEqual([
      ...['B.txt lines', 'a.txt.gz lines', 'b/z.txt lines', 'c.txt lines', 'cut lines', 'r.jsonl.gz records'],
      ...['wiki_00 lines', 'README.md lines']
    ])
    expect(files[2]).toMatchObject({ path: join(tree, 'b/z.txt'), bytes: 1, isStream: false })
    expect(skipped).toEqual([
      { why: 'hidden', count: 2, first: join(tree, '.x.txt') },
      { why: 'not text by their names (.md)', count: 2, first: join(tree, 'README.md') },
      { why: 'without an extension and not UTF-8 text', count: 1, first: join(tree, 'binary') },
      { why: 'empty', count: 1, first: join(tree, 'nothing.txt') }
    ])
    const named = await rightOf(findText([tree, '-'], true))
    expect(named.files.filter(({ form }) => form === 'records').map(({ name }) => name)).toEqual([
      ...['cut', 'r.jsonl.gz', 'wiki_00', '-']
    ])
  })

  it('that are compressed and damaged are refused in a sentence, or read to the end', async () => {
    const whole = gzipSync(Buffer.from('one\ntwo\nthree\n'.repeat(20)))
    const damaged = fc.oneof(
      fc.nat(whole.length - 1).map((end) => whole.subarray(0, end)),
      fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })).map(([i, by]) => {
        const bytes = Buffer.from(whole)
        bytes[i] ^= by
        return bytes
      }),
      fc.uint8Array({ maxLength: 40 }).map((tail) => Buffer.concat([Buffer.of(0x1f, 0x8b), tail]))
    )
    await fc.assert(
      fc.asyncProperty(damaged, async (bytes) => {
        const read = await readLines(await file('damaged.gz', bytes), () => undefined)(() => TE.right(undefined))()
        if (E.isLeft(read)) expect(showCorpusError(read.left)).toMatch(/damaged\.gz(: |, line ).+/)
      }),
      { numRuns: 100 }
    )
  })

  it('that are pipes are read once, and then again from a copy', async () => {
    const pipe = join(directory, 'pipe')
    await promisify(execFile)('mkfifo', [pipe])
    const { files } = await rightOf(findText([pipe], false))
    expect(files).toMatchObject([{ isStream: true, bytes: 0 }])
    const written = gzipSync(Buffer.from('one\rtwo\r\n'))
    const writing = writeFile(pipe, written)
    const copies = join(directory, 'copies')
    await mkdir(copies)
    const [copy] = await rightOf(spool(files, copies))
    await writing
    expect(copy).toMatchObject({ shown: pipe, name: 'pipe', bytes: written.length, isStream: false })
    for (const _ of [1, 2]) {
      const lines: Array<string> = []
      await rightOf(readLines(copy, () => undefined)((some) => TE.fromIO(() => void lines.push(...some))))
      expect(lines).toEqual(['one', 'two'])
    }
  })

  it('that are not there are named', async () => {
    expect(left(await findText([join(directory, 'none')], false)())).toEqual({
      _tag: 'UnreadableFile',
      path: join(directory, 'none'),
      reason: 'no such file or directory (ENOENT)'
    })
  })
})
