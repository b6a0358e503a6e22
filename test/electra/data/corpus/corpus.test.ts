import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { corpusFiles, isHeldOut, openCorpus } from '../../../../src/electra/data/corpus/corpus.js'
import {
  buildCorpus,
  defaultRecipe,
  type CorpusProgress,
  type CorpusRecipe
} from '../../../../src/electra/data/corpus/builder.js'
import { showCorpusError, showSkipped } from '../../../../src/electra/data/corpus-error.js'
import { readDocuments } from '../../../../src/electra/data/text/documents.js'
import { textOfRecord } from '../../../../src/electra/data/text/records.js'
import { findText } from '../../../../src/electra/data/text/source.js'
import type { Sentences } from '../../../../src/electra/data/sentences.js'
import { browserIds, browserTokenizer } from '../vocabulary/browser-tokenizer.js'
import { left, right, rightOf } from '../right.js'
import { decodePieces } from '../decode-pieces.js'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'corpus-'))
})
afterAll(() => rm(directory, { recursive: true }))

const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

/** Writes the files into a new directory. */
const texts = async (name: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> => {
  await mkdir(at(name))
  for (const [file, content] of Object.entries(files)) await writeFile(at(name, file), content)
  return at(name)
}

const built = (out: string, inputs: ReadonlyArray<string>, recipe: Partial<CorpusRecipe> = {}) =>
  buildCorpus({ ...defaultRecipe, vocabulary: { _tag: 'trained', size: 60 }, ...recipe, inputs, out: at(out) })

/** Documents of sentences of text. */
const readBack = (pieces: ReadonlyArray<string>, s: Sentences): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from(s.documentEnds, (end, d) =>
    Array.from({ length: end - (s.documentEnds[d - 1] ?? 0) }, (_, i) => {
      const sentence = (s.documentEnds[d - 1] ?? 0) + i
      const ids = s.ids.subarray(s.sentenceEnds[sentence - 1] ?? 0, s.sentenceEnds[sentence])
      return decodePieces(Array.from(ids, (id) => pieces[id]))
    })
  )

const twoFiles = {
  'a.txt': 'The cat sat.\n The  dog ran. \n\n\nThe cat ran\n',
  'b.txt.gz': gzipSync(Buffer.from('the end')),
  'notes.md': 'not text'
}

describe('a corpus', () => {
  it('holds the sentences of its documents: lines, ended by empty lines and by the ends of files', async () => {
    const input = await texts('two', twoFiles)
    const { manifest } = await rightOf(built('two.corpus', [input]))
    const { train, heldOut, vocabulary } = await rightOf(openCorpus(at('two.corpus')))
    expect(readBack(vocabulary.pieces, train)).toEqual([['the cat sat .', 'the dog ran .'], ['the end']])
    expect(readBack(vocabulary.pieces, heldOut)).toEqual([['the cat ran']])
    expect(manifest.train).toMatchObject({ documents: 2, sentences: 3 })
    expect(manifest.sources.map(({ name }) => name)).toEqual(['a.txt', 'b.txt.gz'])
  })

  it('takes a whole file as a document when empty lines are paragraph breaks', async () => {
    const input = await texts('paragraphs', twoFiles)
    await rightOf(built('paragraphs.corpus', [input], { blanksSeparateDocuments: false }))
    const { train, heldOut, vocabulary } = await rightOf(openCorpus(at('paragraphs.corpus')))
    expect(readBack(vocabulary.pieces, train)).toEqual([['the cat sat .', 'the dog ran .', 'the cat ran']])
    expect(heldOut.documentEnds).toHaveLength(1)
  })

  it('does not depend on where its text lies or how it is cut into chunks, and is the same twice', async () => {
    const line = 'a sentence about sentences, long enough to fill chunks of the reader.\n'
    const long = Array.from({ length: 5000 }, (_, i) => (i % 40 === 39 ? '\n' : `${i} ${line}`)).join('')
    const first = await texts('first', { 'a.txt': long })
    const second = await texts('second', { 'a.txt': long })
    const one = await rightOf(built('one.corpus', [first], { vocabulary: { _tag: 'trained', size: 200 } }))
    const two = await rightOf(
      built('two-again.corpus', [join(second, 'a.txt')], { vocabulary: { _tag: 'trained', size: 200 } })
    )
    expect(two.manifest).toEqual(one.manifest)
    for (const name of Object.values(corpusFiles))
      expect(await readFile(at('one.corpus', name))).toEqual(await readFile(at('two-again.corpus', name)))
  })

  it('takes a given vocabulary as it is', async () => {
    const input = await texts('given', { 'a.txt': 'The cat.\n\nUnaffable' })
    await rightOf(
      built('given.corpus', [input], {
        vocabulary: { _tag: 'given', path: 'test/fixtures/bert-base-uncased-vocab.txt' }
      })
    )
    const { train, heldOut, manifest } = await rightOf(openCorpus(at('given.corpus')))
    expect([...train.ids]).toEqual([1996, 4937, 1012])
    expect([...heldOut.ids]).toEqual([14477, 20961, 3468])
    expect(manifest.vocabulary).toMatchObject({ origin: 'given', size: 30522 })
  })

  it("carries a tokenizer.json that the browser's library reads to the same ids", async () => {
    await rightOf(built('json.corpus', ['data/sample/psychology.txt'], { vocabulary: { _tag: 'trained', size: 2000 } }))
    const { train, manifest } = await rightOf(openCorpus(at('json.corpus')))
    expect(manifest.vocabulary.size).toBe(2000)
    const json: unknown = JSON.parse(await readFile(at('json.corpus', 'tokenizer.json'), 'utf8'))
    const encode = browserIds(browserTokenizer(json))
    const [line] = (await readFile('data/sample/psychology.txt', 'utf8')).split('\n')
    expect([...train.ids.subarray(0, train.sentenceEnds[0])]).toEqual(encode(line))
  })

  it('tells how far its making is', async () => {
    const seen: Array<CorpusProgress> = []
    const input = await texts('progress', twoFiles)
    await rightOf(built('progress.corpus', [input], { onProgress: (p) => seen.push(p) }))
    expect([...new Set(seen.map(({ phase }) => phase))]).toEqual([
      'counting words',
      'training the vocabulary',
      'encoding'
    ])
    for (const phase of new Set(seen.map((p) => p.phase))) {
      const steps = seen.filter((p) => p.phase === phase)
      expect(steps.at(-1)).toMatchObject({ done: steps[0].total, left: 0 })
    }
  })
})

describe('JSON lines', () => {
  const record = (text: unknown, name = 'text') => `${JSON.stringify({ id: 1, [name]: text })}\n`

  it('hold a document each, whose lines are sentences', async () => {
    const input = await texts('records', {
      'a.jsonl': `\ufeff${record('One.\r\n\rTwo.')}\n${record('Three.')}${record(null)}${record(' ')}${record('Four \ud800.')}`,
      'b.ndjson.gz': gzipSync(Buffer.from(record('Five.')))
    })
    const { skipped } = await rightOf(built('records.corpus', [input]))
    const { train, heldOut, vocabulary } = await rightOf(openCorpus(at('records.corpus')))
    expect(readBack(vocabulary.pieces, train)).toEqual([['one .', 'two .'], ['four .'], ['five .']])
    expect(readBack(vocabulary.pieces, heldOut)).toEqual([['[UNK] .']])
    expect(skipped).toEqual([{ why: 'records without text', count: 3, first: join(input, 'a.jsonl, line 2') }])
  })

  it.each([
    ['x', 'no JSON', /line 2: found text that is not JSON, expected a JSON object on each line/],
    ['[1]', 'an array', /line 2: found \[1\], expected a JSON object on each line/],
    [
      '{"title":"a","body":"b"}',
      'another field',
      /line 2: found the fields "title", "body", expected one called "text"; name another with --field/
    ],
    ['{}', 'no field', /line 2: found an object without fields, expected one called "text"/],
    ['{"text":[1]}', 'no text', /line 2: found text = \[1\], expected a text/],
    ['{"__proto__":"a"}', 'a borrowed name', /line 2: found the fields "__proto__"/]
  ])('%s is refused: %s', async (line, name, words) => {
    const input = await texts(`json ${name}`, { 'a.jsonl': `${record('Good.')}${line}\n` })
    expect(showCorpusError(left(await built(`${name}.corpus`, [input])()))).toMatch(words)
  })

  it('end sentences at any line end, may be blank, and hold text that UTF-8 can spell in a field of their own', () => {
    const [documents, read] = [['One.\r\nTwo.\rThree.\nFour.'], textOfRecord('r.jsonl', 'text', 1)]
    expect(documents.map((text) => right(read(JSON.stringify({ text }))))).toEqual(documents)
    expect([' ', '\ufeff', '\u00a0'].map((line) => right(read(line)))).toEqual([undefined, undefined, undefined])
    expect(right(read('{"text":"a\\ud800"}'))).toBe('a\ufffd')
    expect(left(textOfRecord('r.jsonl', 'constructor', 1)('{}'))).toMatchObject({ found: 'an object without fields' })
  })

  it('are read or refused in a sentence, whatever stands in them', () => {
    const line = fc.oneof(
      fc.json(),
      fc.string(),
      fc.dictionary(fc.constantFrom('text', 'x'), fc.jsonValue()).map((x) => JSON.stringify(x))
    )
    fc.assert(
      fc.property(line, (text) => {
        const read = textOfRecord('r.jsonl', 'text', 1)(text)
        if (E.isLeft(read)) expect(showCorpusError(read.left)).toMatch(/^r\.jsonl, line 1: found .+, expected .+/)
        else if (read.right !== undefined) expect(Buffer.from(read.right).toString()).toBe(read.right)
      }),
      { numRuns: 500 }
    )
  })
})

describe('a vocabulary of a tokenizer.json', () => {
  const model = { type: 'WordPiece', vocab: { '[PAD]': 0, '[UNK]': 1, '[CLS]': 2, '[SEP]': 3, '[MASK]': 4, one: 7 } }
  it('is taken with its ids, or refused in a sentence', async () => {
    const input = await texts('given-json', { 'a.txt': 'One two.\n', 'tokenizer.json': JSON.stringify({ model }) })
    const given = (path: string) => ({ vocabulary: { _tag: 'given', path } }) as const
    const file = join(input, 'tokenizer.json')
    await rightOf(built('given-json.corpus', [join(input, 'a.txt')], given(file)))
    const corpus = await rightOf(openCorpus(at('given-json.corpus')))
    expect(corpus.vocabulary.pieces).toEqual([...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '', '', 'one']])
    expect([...corpus.train.ids]).toEqual([7, 1, 1])
    await writeFile(file, JSON.stringify({ model: { vocab: { ...model.vocab, 'a\nb': 5 } } }))
    expect(showCorpusError(left(await built('other', [input], given(file))()))).toMatch(
      /found a piece of several lines/
    )
    await writeFile(file, '{}')
    expect(showCorpusError(left(await built('other', [input], given(file))()))).toMatch(
      /json: found another model, exp/
    )
  })
})

describe('what was left out', () => {
  it('is told by reason, the most frequent first, and no more of them than people read', () => {
    const skipped = Array.from({ length: 12 }, (_, i) => ({
      why: `reason ${i}`,
      count: 1000 * (i + 1),
      first: `f${i}`
    }))
    const lines = showSkipped(skipped)
    expect(lines).toHaveLength(11)
    expect(lines[0]).toBe('12,000 reason 11 (first: f11)')
    expect(lines[10]).toBe('3,000 for 2 other reasons')
    expect(showSkipped(skipped.slice(0, 1))).toEqual(['1,000 reason 0 (first: f0)'])
  })
})

describe('many small files', () => {
  it('are encoded together', async () => {
    const input = await texts(
      'many',
      Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${i}.txt`, `File ${i}.`]))
    )
    const { files } = await rightOf(findText([input], false))
    const rules = { blanksSeparateDocuments: true, field: 'text', dedup: false }
    const groups: Array<number> = []
    await rightOf(
      readDocuments(files, rules, () => undefined)((some) => TE.fromIO(() => void groups.push(some.length)))
    )
    expect(groups).toEqual([200])
  })
})

describe('duplicate documents', () => {
  it('are left out, wherever they stand, and have no number', async () => {
    const document = fc.array(fc.constantFrom('a', 'b b', 'c', 'ac'), { minLength: 1, maxLength: 2 })
    let n = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(document, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
        async (files) => {
          n += 1
          const contents = Object.fromEntries(
            files.map((documents, i) => [`${i}.txt`, documents.map((d) => d.join('\n')).join('\n\n')])
          )
          const input = await texts(`dup-${n}`, contents)
          const unique = [...new Set(files.flat().map((d) => d.join('\n')))]
          const { manifest, skipped } = await rightOf(built(`dup-${n}.corpus`, [input], { dedup: true }))
          expect(manifest.train.documents + manifest.heldOut.documents).toBe(unique.length)
          expect(skipped.reduce((sum, { count }) => sum + count, 0)).toBe(files.flat().length - unique.length)
          const { train, heldOut, vocabulary } = await rightOf(openCorpus(at(`dup-${n}.corpus`)))
          const back = (s: Sentences) => readBack(vocabulary.pieces, s).map((d) => d.join('\n'))
          expect(back(train)).toEqual(unique.filter((_, d) => !isHeldOut(d)))
          // The vocabulary knows nothing of what is held out.
          expect(heldOut.documentEnds).toHaveLength(unique.length > 1 ? 1 : 0)
        }
      ),
      { numRuns: 25 }
    )
  })
})

describe('the held-out documents', () => {
  it('are one in fifty, and one of two', () => {
    const numbers = Array.from({ length: 500 }, (_, i) => i)
    expect(numbers.filter(isHeldOut)).toHaveLength(10)
    expect([0, 1].map(isHeldOut)).toEqual([false, true])
  })

  it('do not reach the vocabulary', async () => {
    const input = await texts('held-out', { 'a.txt': 'cat\n\nzzz', 'b.txt': 'dog' })
    await rightOf(built('held-out.corpus', [input]))
    const { vocabulary, heldOut } = await rightOf(openCorpus(at('held-out.corpus')))
    expect(vocabulary.pieces).not.toContain('z')
    expect([...heldOut.ids]).toEqual([vocabulary.special.unk])
  })
})

describe('a corpus that cannot be built', () => {
  /** Nothing but the inputs may be left beside them. */
  const refused = async (name: string, inputs: ReadonlyArray<string>, recipe: Partial<CorpusRecipe> = {}) => {
    const before = await readdir(directory)
    const error = left(await built(`${name}.corpus`, inputs, recipe)())
    expect(await readdir(directory)).toEqual(before)
    return showCorpusError(error).replaceAll(directory, 'DIR')
  }

  it.each([
    [
      'no-words',
      { 'a.txt': ' \n\n \u200b\n' },
      'no text in DIR/no-words: a corpus needs a file, or a directory of .txt or .jsonl files (.gz too), with words in it'
    ],
    [
      'no-files',
      { 'a.md': 'text' },
      'no text in DIR/no-files: a corpus needs a file, or a directory of .txt or .jsonl files (.gz too), with words in it; left out: 1 not text by their names (.md) (first: DIR/no-files/a.md)'
    ],
    ['nul', { 'a.txt': 'good\nba\0d\n' }, 'DIR/nul/a.txt, line 2, byte 7: found a NUL byte, expected UTF-8 text'],
    [
      'latin1',
      { 'a.txt': Uint8Array.from([99, 97, 102, 0xe9, 10]) },
      'DIR/latin1/a.txt, line 1, byte 4: found bytes that are not UTF-8, expected UTF-8 text'
    ],
    [
      'long',
      { 'a.txt': 'x'.repeat(2 ** 20 + 1) },
      'DIR/long/a.txt, line 1: longer than 1048576 bytes; put one sentence or paragraph on a line'
    ],
    ['no-gzip', { 'a.txt.gz': 'plain' }, 'cannot read DIR/no-gzip/a.txt.gz: incorrect header check']
  ])('from %s says why and leaves nothing', async (name, files, message) => {
    expect(await refused(name, [await texts(name, files)])).toBe(message)
  })

  it('from nowhere says so', async () => {
    expect(await refused('nowhere', [at('nowhere')])).toBe(
      'cannot read DIR/nowhere: no such file or directory (ENOENT)'
    )
  })

  it('with a bad text after a good one leaves nothing, given a vocabulary', async () => {
    const input = await texts('late', { 'a.txt': 'good text\n'.repeat(50_000), 'b.txt': 'bad \0 text' })
    const vocabulary = { _tag: 'given', path: 'test/fixtures/bert-base-uncased-vocab.txt' } as const
    expect(await refused('late', [input], { vocabulary })).toBe(
      'DIR/late/b.txt, line 1, byte 4: found a NUL byte, expected UTF-8 text'
    )
  })

  it('with a vocabulary too small for any word says how large it must be', async () => {
    const input = await texts('small', { 'a.txt': 'abc' })
    expect(await refused('small', [input], { vocabulary: { _tag: 'trained', size: 7 } })).toBe(
      'vocabulary size 7: expected enough for some word of the text; 8 hold all: 5 special pieces and an alphabet of 3'
    )
  })

  it('where something is already leaves it alone', async () => {
    const input = await texts('taken', { 'a.txt': 'text' })
    await mkdir(at('taken.corpus'))
    expect(await refused('taken', [input])).toBe(
      'DIR/taken.corpus exists already; remove it or choose another directory'
    )
  })

  it('below something that is no directory says so', async () => {
    const input = await texts('deep', { 'a.txt': 'text' })
    await writeFile(at('file'), '')
    expect(await refused('file/deep', [input])).toBe(
      'cannot write DIR/file/deep.corpus: a part of the path is not a directory (ENOTDIR)'
    )
  })

  it('on a full disk says so and leaves nothing', async () => {
    const input = await texts('full', { 'a.txt': 'a sentence of seven words and more\n'.repeat(20_000) })
    // A process of its own, whose files may not exceed 64 blocks of 512 bytes.
    await mkdir(at('process'))
    await symlink(resolve('node_modules'), at('process', 'node_modules'))
    const script = at('process', 'build.mjs')
    await build({
      stdin: {
        contents: `
          import { buildCorpus, defaultRecipe } from './src/electra/data/corpus/builder.ts'
          import { showCorpusError } from './src/electra/data/corpus-error.ts'
          const [input, out] = process.argv.slice(2)
          const built = await buildCorpus({ ...defaultRecipe, inputs: [input], out })()
          console.log(built._tag, built._tag === 'Left' ? showCorpusError(built.left) : '')`,
        resolveDir: resolve('.')
      },
      outfile: script,
      bundle: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      logLevel: 'error'
    })
    const before = await readdir(directory)
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      'ulimit -f 64; exec "$@"',
      'sh',
      process.execPath,
      script,
      input,
      at('full.corpus')
    ])
    expect(stdout.trim()).toBe(`Left cannot write ${at('full.corpus')}: the file would exceed the size limit (EFBIG)`)
    expect(await readdir(directory)).toEqual(before)
  })
})

describe('a damaged corpus', () => {
  const files = Object.values(corpusFiles)
  beforeAll(async () => {
    await rightOf(built('sound.corpus', [await texts('sound', twoFiles)]))
  })

  const damaged = async (name: string, change: (bytes: Buffer) => Uint8Array) => {
    const path = at('sound.corpus', name)
    const bytes = await readFile(path)
    try {
      await writeFile(path, change(bytes))
      return await openCorpus(at('sound.corpus'))()
    } finally {
      await writeFile(path, bytes)
    }
  }

  it('is refused whichever bit of whichever file is flipped, and the file is named', async () => {
    const sizes = new Map(
      await Promise.all(files.map(async (name) => [name, (await stat(at('sound.corpus', name))).size] as const))
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.nat(), fc.nat(7), async (name, place, bit) => {
        const flipped = await damaged(name, (bytes) => {
          const changed = Uint8Array.from(bytes)
          changed[place % (sizes.get(name) ?? 1)] ^= 1 << bit
          return changed
        })
        expect(left(flipped)).toMatchObject({ _tag: 'DamagedCorpus', path: at('sound.corpus', name) })
      }),
      { numRuns: 200 }
    )
    expect(E.isRight(await openCorpus(at('sound.corpus'))())).toBe(true)
  })

  it('is refused when a file is cut short', async () => {
    for (const name of files)
      expect(left(await damaged(name, (bytes) => bytes.subarray(0, bytes.length / 2)))).toMatchObject({
        _tag: 'DamagedCorpus',
        path: at('sound.corpus', name)
      })
    expect(
      showCorpusError(left(await damaged('train.bin', (bytes) => bytes.subarray(0, 10)))).replaceAll(directory, 'DIR')
    ).toMatch(/^DIR\/sound.corpus\/train.bin is damaged: found 10 bytes, expected \d+ bytes; build the corpus again$/)
  })

  it('that is none says how one is built', async () => {
    for (const path of ['nowhere.corpus', 'sound'])
      expect(showCorpusError(left(await openCorpus(at(path))())).replaceAll(directory, 'DIR')).toBe(
        `DIR/${path}: found no corpus (no corpus.json in it), expected a directory made from text by ` +
          '`pure-electra corpus build --input TEXT --out DIRECTORY`'
      )
  })

  it('is refused when a file is missing', async () => {
    await rightOf(built('holed.corpus', [await texts('holed', twoFiles)]))
    await rm(at('holed.corpus', 'heldout.bin'))
    expect(left(await openCorpus(at('holed.corpus'))())).toMatchObject({
      _tag: 'UnreadableFile',
      path: at('holed.corpus', 'heldout.bin')
    })
    expect(right(await openCorpus(at('sound.corpus'))()).train.ids.length).toBeGreaterThan(0)
  })
})
