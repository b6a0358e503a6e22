/**
 * Model directories that transformers 5.18 wrote (test/fixtures/make-transformers.py), and what it says of texts with them.
 */

import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openTokenizer } from '../../../../src/electra/data/vocabulary/tokenizer.js'
import { discriminatorFrom, suspicions } from '../../../../src/electra/predict.js'
import { showStoreError } from '../../../../src/electra/store/errors.js'
import { hfTokenizerFiles } from '../../../../src/electra/store/models/hf-tokenizer.js'
import { readTokenizerFiles } from '../../../../src/electra/store/models/hf-tokenizer-files.js'
import { importModel } from '../../../../src/electra/store/models/model-files.js'
import { reference } from '../../../../src/tensor/run/reference/reference.js'
import { rightOf } from '../../data/right.js'
import { inDirectory, leftOf } from '../checkpoints/checkpoint-cases.js'

type Answer = { readonly text: string; readonly ids: ReadonlyArray<number>; readonly logits: ReadonlyArray<number> }

const fixtures = 'test/fixtures/transformers'
const golden = JSON.parse(await readFile(join(fixtures, 'golden.json'), 'utf8')) as Readonly<
  Record<string, ReadonlyArray<Answer>>
>

const opened = async (directory: string) => {
  const { network, tensors, ignored } = await rightOf(importModel(directory, 'discriminator'))
  const { vocabulary, options, added } = await rightOf(readTokenizerFiles(directory))
  const tokenizer = openTokenizer(vocabulary, options, added)
  const trained = discriminatorFrom(network, network.vocabSize, tensors)
  if (E.isLeft(tokenizer) || E.isLeft(trained)) throw new Error('the case does not open')
  return {
    network,
    ignored,
    tokenizer: tokenizer.right,
    judge: suspicions(reference({ floats: 'float32' }), trained.right)
  }
}

describe.each(Object.keys(golden))('a model directory that transformers wrote, %s,', (name) => {
  it('gives the ids and logits that it gives there', async () => {
    const { network, tokenizer, judge } = await opened(join(fixtures, name))
    for (const { text, ids, logits } of golden[name]) {
      const encoded = await rightOf(tokenizer.encodeText(network.maxPositions)(text))
      expect(encoded.ids).toEqual(ids)
      const probabilities = await rightOf(judge(encoded.ids))
      // Float32 on both sides, sums in another order: 1e-5 is a hundred roundings of numbers of about 1.
      probabilities.forEach((p, i) => expect(Math.abs(p - 1 / (1 + Math.exp(-logits[i])))).toBeLessThan(1e-5))
    }
  })
})

describe('tensors that no part of the network has', () => {
  it('are told', async () => {
    expect((await opened(join(fixtures, 'older'))).ignored).toEqual(['electra.pooler.dense.weight'])
  })
})

/** A copy of a fixture, changed. */
const changed = <A>(
  name: string,
  change: (directory: string) => Promise<unknown>,
  use: (directory: string) => Promise<A>
) =>
  inDirectory(async (parent) => {
    const directory = join(parent, 'model')
    await cp(join(fixtures, name), directory, { recursive: true })
    await change(directory)
    return use(directory)
  })

const saying = (name: string, change: (directory: string) => Promise<unknown>): Promise<string> =>
  changed(name, change, async (directory) => {
    const read = pipe(
      importModel(directory, 'discriminator'),
      TE.chainW(() => readTokenizerFiles(directory))
    )
    return showStoreError(await leftOf(read)).replaceAll(directory, 'DIR')
  })

describe('a model directory', () => {
  it.each<readonly [string, string, (d: string) => Promise<unknown>, string]>([
    [
      'with weights of PyTorch alone',
      'older',
      (d) => rename(join(d, 'model.safetensors'), join(d, 'pytorch_model.bin')),
      'found pytorch_model.bin alone, expected model.safetensors; convert in Python: '
    ],
    [
      'without weights',
      'older',
      (d) => rm(join(d, 'model.safetensors')),
      'DIR: found no weights, expected model.safetensors, or'
    ],
    [
      'without a shard',
      'sharded',
      (d) => rm(join(d, 'model-00002-of-00003.safetensors')),
      'DIR/model-00002-of-00003.safetensors: could not read'
    ],
    [
      'whose index points elsewhere',
      'sharded',
      (d) => writeFile(join(d, 'model.safetensors.index.json'), '{"weight_map":{"a":"../older/model.safetensors"}}'),
      'DIR/model.safetensors.index.json: found the shard "../older/model.safetensors", expected the name of a .safetensors file'
    ],
    [
      'whose index names a tensor that its shard lacks',
      'sharded',
      (d) =>
        writeFile(join(d, 'model.safetensors.index.json'), '{"weight_map":{"a":"model-00001-of-00003.safetensors"}}'),
      'DIR/model-00001-of-00003.safetensors: found no tensor "a", expected it'
    ],
    [
      'without a vocabulary',
      'older',
      (d) => rm(join(d, 'vocab.txt')),
      'DIR: found neither tokenizer.json nor vocab.txt'
    ],
    [
      'with a tokeniser of another kind',
      'as-saved',
      (d) => writeFile(join(d, 'tokenizer.json'), '{"model":{"type":"BPE","vocab":{}}}'),
      'DIR/tokenizer.json: found another model.type, expected "WordPiece", as ELECTRA has it'
    ],
    [
      'with an id beyond any vocabulary',
      'as-saved',
      (d) => writeFile(join(d, 'tokenizer.json'), '{"model":{"vocab":{"[PAD]":4294967295}}}'),
      'DIR/tokenizer.json: found another model.vocab.[PAD]'
    ],
    [
      'with two pieces of one id',
      'as-saved',
      (d) => writeFile(join(d, 'tokenizer.json'), '{"model":{"vocab":{"[PAD]":0,"a":1,"b":1}}}'),
      'DIR/tokenizer.json: found id 1 for "a" and for "b", expected an id for each'
    ],
    [
      'with two added tokens of one id',
      'older',
      (d) => writeFile(join(d, 'added_tokens.json'), '{"a b":99,"b a":99}'),
      'DIR: found id 99 for "a b" and for "b a", expected an id for each'
    ],
    [
      'with a setting that is none',
      'as-saved',
      (d) => writeFile(join(d, 'tokenizer_config.json'), '{"do_lower_case":"yes"}'),
      'DIR/tokenizer_config.json: found another do_lower_case'
    ],
    [
      'with relative positions',
      'older',
      async (d) => {
        const config = JSON.parse(await readFile(join(d, 'config.json'), 'utf8')) as object
        await writeFile(join(d, 'config.json'), JSON.stringify({ ...config, position_embedding_type: 'relative_key' }))
      },
      'position_embedding_type = "relative_key", expected \'absolute\''
    ]
  ])('%s says so in a sentence', async (_, name, change, words) => {
    expect(await saying(name, change)).toContain(words)
  })

  it('has the settings of its tokenizer.json where its tokenizer_config.json says nothing of them', async () => {
    const normalizer = { type: 'BertNormalizer', lowercase: false, strip_accents: true, handle_chinese_chars: false }
    const settings = (config: string) =>
      changed(
        'as-saved',
        async (d) => {
          const json = JSON.parse(await readFile(join(d, 'tokenizer.json'), 'utf8')) as object
          await writeFile(join(d, 'tokenizer.json'), JSON.stringify({ ...json, normalizer }))
          await writeFile(join(d, 'tokenizer_config.json'), config)
        },
        async (d) => (await rightOf(readTokenizerFiles(d))).options
      )
    expect(await settings('{}')).toEqual({ lowercase: false, stripAccents: true, isolateHan: false, longestWord: 100 })
    expect(await settings('{"do_lower_case":true,"strip_accents":null,"tokenize_chinese_chars":true}')).toEqual({
      ...{ lowercase: true, stripAccents: true, isolateHan: true, longestWord: 100 }
    })
  })

  it('has the settings that an export gave it', () =>
    inDirectory(async (directory) => {
      const { vocabulary } = await rightOf(readTokenizerFiles(join(fixtures, 'as-saved')))
      const flag = fc.boolean()
      const settings = fc.record({
        lowercase: flag,
        stripAccents: flag,
        isolateHan: flag,
        longestWord: fc.constant(100)
      })
      await fc.assert(
        fc.asyncProperty(settings, flag, async (options, hasConfig) => {
          for (const [name, content] of Object.entries(hfTokenizerFiles(vocabulary, options, 16)))
            await writeFile(join(directory, name), content)
          if (!hasConfig) await rm(join(directory, 'tokenizer_config.json'))
          const read = await rightOf(readTokenizerFiles(directory))
          expect(read.options).toEqual(options)
          expect(read.vocabulary.pieces).toEqual(vocabulary.pieces)
        }),
        { numRuns: 30 }
      )
    }))

  // As transformers: it gave these ids for a tokenizer.json changed in this way.
  it('gives its added tokens the ids after its pieces, whatever ids they say they have', () =>
    changed(
      'as-saved',
      async (d) => {
        const text = await readFile(join(d, 'tokenizer.json'), 'utf8')
        await writeFile(join(d, 'tokenizer.json'), text.replace('"id": 25', '"id": 40').replace('"id": 26', '"id": 41'))
      },
      async (d) => {
        const { added, rows } = await rightOf(readTokenizerFiles(d))
        expect(added.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 40, 41])
        expect(rows).toBe(27)
        const { tokenizer } = await opened(d)
        for (const { text, ids } of golden['as-saved'])
          expect((await rightOf(tokenizer.encodeText(130)(text))).ids).toEqual(ids)
      }
    ))

  it.each([
    ['tokenizer.json', 'older'],
    ['tokenizer_config.json', 'older'],
    ['added_tokens.json', 'older'],
    ['model.safetensors.index.json', 'sharded'],
    ['config.json', 'older']
  ])('is read or refused, whatever JSON its %s is', (file, name) => {
    const keys = [
      ...['model', 'vocab', 'type', 'added_tokens', 'normalizer', 'content', 'id', '__proto__', 'weight_map'],
      ...['do_lower_case', 'strip_accents', 'added_tokens_decoder', '7', '[UNK]', 'hidden_size', 'is_decoder']
    ]
    const text = fc.oneof(
      fc.json(),
      fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()).map((x) => JSON.stringify(x)),
      fc.string()
    )
    return changed(
      name,
      () => Promise.resolve(),
      (directory) =>
        fc.assert(
          fc.asyncProperty(text, async (json) => {
            await writeFile(join(directory, file), json)
            const read = pipe(
              importModel(directory, 'discriminator'),
              TE.chainW(() => readTokenizerFiles(directory))
            )
            const result = await read()
            if (E.isLeft(result))
              expect(showStoreError(result.left)).toMatch(/: (found .+, expected .+|the tensors are)/)
          }),
          { numRuns: 80 }
        )
    )
  })
})
