import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { textOf } from '../training/runs.js'
import { adviceOn } from '../../../src/electra/cli/commands/corpus.js'
import { expectFailure, inShell, jsonLines, pureElectra } from './cli.js'

let directory = ''
const at = (name: string): string => join(directory, name)
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-cli-corpus-'))
  await writeFile(at('good.txt'), textOf(3))
  await writeFile(at('nul.txt'), 'good\nba\0d\n')
  await writeFile(at('long.txt'), 'x'.repeat(2 ** 21))
  await writeFile(at('empty.txt'), '')
})
afterAll(() => rm(directory, { recursive: true }))

const build = (name: string, ...more: ReadonlyArray<string>) =>
  pureElectra('corpus', 'build', '--input', at(name), '--out', at('out'), ...more)

describe('corpus build', () => {
  it.each([
    ['nul.txt', /nul\.txt, line 2, byte 7: found a NUL byte, expected UTF-8 text\n$/],
    ['long.txt', /long\.txt, line 1: longer than 1048576 bytes; put one sentence or paragraph on a line\n$/],
    ['empty.txt', /no text in .*empty\.txt: /],
    ['nowhere.txt', /cannot read .*nowhere\.txt: no such file/]
  ])('of %s says what is wrong and leaves nothing', async (name, words) => {
    const before = await readdir(directory)
    expectFailure(await build(name), 1, words)
    expect(await readdir(directory)).toEqual(before)
  })

  it('says what it made, and does not write over it', async () => {
    const made = await build('good.txt', '--vocab-size', '50', '--json')
    expect(made.code).toBe(0)
    expect(jsonLines(made)).toMatchObject([{ directory: at('out'), vocabulary: { size: 50 }, train: { documents: 2 } }])
    expectFailure(await build('good.txt', '--vocab-size', '50'), 1, /out exists already/)
    await rm(at('out'), { recursive: true })
  })

  it('tells people in one line', async () => {
    const { code, stdout } = await pureElectra(
      ...['corpus', 'build', '--input', at('good.txt'), '--out', at('again'), '--vocab-size', '50']
    )
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /again: 50 pieces; \d+ tokens in 8 sentences of 2 documents to train on; \d+ tokens held out; \d+\.\d\d % of the tokens are \[UNK\]\n$/
    )
  })

  it('reads standard input and pipes twice, and says what it left out and that nothing is held out', async () => {
    await writeFile(
      at('records.jsonl'),
      ['One.', 'Two.', 'One.'].map((body) => `${JSON.stringify({ body })}\n`).join('')
    )
    const command = '"$0" "$1" corpus build --field body --dedup --vocab-size 20 --out "$3" --input'
    const ran = await inShell(`cat "$2" | ${command} -`, at('records.jsonl'), at('out'))
    expect(ran.code).toBe(0)
    expect(ran.stdout).toContain('left out: 1 documents that had been there before (first: standard input, line 3)\n')
    expect(ran.stderr).not.toContain('held out')
    await rm(at('out'), { recursive: true })
    const piped = await inShell(`${command} <(head -n 1 "$2")`, at('records.jsonl'), at('out'))
    expect(piped.code).toBe(0)
    expect(piped.stderr).toContain('warning: nothing is held out, since the text is one document')
    await rm(at('out'), { recursive: true })
  })

  it('warns where one token in two hundred is [UNK]', async () => {
    // Of 1,000 words, 10 are a character that is left out.
    await writeFile(at('few.txt'), `${'a '.repeat(45)}\n`.repeat(22) + 'b\n'.repeat(10))
    const limited = await build('few.txt', '--limit-alphabet', '1', '--json')
    expect(limited.code).toBe(0)
    expect(limited.stderr).toContain('warning: 1.00 % of the tokens are [UNK]; characters of the text are not in the')
    expect(jsonLines(limited)).toMatchObject([{ unknownTokens: 10 }])
    await rm(at('out'), { recursive: true })
    expect((await build('few.txt')).stderr).not.toContain('[UNK]')
    await rm(at('out'), { recursive: true })
  })
})

describe('the advice on [UNK]', () => {
  const trained = (size: number) => ({ vocabulary: { origin: 'trained', size, sha256: '' } }) as const

  it.each([
    [100, {}, 'raise --vocab-size'],
    [100, { minFrequency: 3 }, 'raise --vocab-size, or lower --min-frequency'],
    [99, { limitAlphabet: 20 }, 'raise --limit-alphabet'],
    [99, { limitAlphabet: 20, minFrequency: 1 }, 'raise --limit-alphabet']
  ])('for %i of 100 pieces with %j is to %s', (size, given, advice) => {
    expect(adviceOn(trained(size), { vocabSize: 100, ...given })).toBe(
      `characters of the text are not in the vocabulary: ${advice}`
    )
  })

  it('is none where no option would help', () => {
    expect(adviceOn(trained(99), { vocabSize: 100 })).not.toContain('--')
  })
})
