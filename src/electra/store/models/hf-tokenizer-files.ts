/**
 * The tokeniser of a model directory, as transformers 5 would set it up for an ELECTRA model.
 *
 *     tokenizer.json           the vocabulary and the added tokens; goes before vocab.txt
 *     vocab.txt                the vocabulary of directories that older versions wrote
 *     added_tokens.json        ids of added tokens, beside a vocab.txt
 *     tokenizer_config.json    settings; where it says nothing, those of tokenizer.json's normaliser hold
 *
 * The last is where this differs: transformers has its defaults there, and lower-cases for a cased tokenizer.json that stands alone.
 * Whatever a tokenizer.json says of it, a word has at most `longestWord` characters: transformers obeys no other limit.
 */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as z from 'zod'
import { describe } from '../../../tensor/describe.js'
import { bracketsIn } from '../../../tensor/strict-json.js'
import { uncased, type AddedToken, type TokenizerOptions } from '../../data/vocabulary/tokenizer-json.js'
import {
  longestVocabulary,
  mostPieces,
  parseVocabulary,
  showVocabularyError,
  specialPieces,
  vocabularyOf,
  type Vocabulary
} from '../../data/vocabulary/vocabulary.js'
import type { StoreError } from '../errors.js'
import { exists, readBytes, readText } from '../files/files.js'

export type TokenizerFiles = {
  readonly vocabulary: Vocabulary
  readonly options: TokenizerOptions
  /** The special pieces among them. */
  readonly added: ReadonlyArray<AddedToken>
  /** Ids that texts may get: a model has as many rows, or more. */
  readonly rows: number
}

/** More than a tokeniser of a large vocabulary opens, pieces with brackets in them included. */
const mostBrackets = 200_000

const id = z.int().min(0).lt(mostPieces)

const addedToken = z.object({
  id,
  content: z.string().min(1),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().default(false),
  special: z.boolean().default(false)
})

const only = <A extends string>(value: A) => z.literal(value, { error: `${JSON.stringify(value)}, as ELECTRA has it` })

const normalizer = z.looseObject({
  type: only('BertNormalizer'),
  lowercase: z.boolean().optional(),
  strip_accents: z.boolean().nullish(),
  handle_chinese_chars: z.boolean().optional()
})

const tokenizerSchema = z.looseObject({
  added_tokens: z.array(addedToken).nullish(),
  normalizer: normalizer.nullish(),
  pre_tokenizer: z.looseObject({ type: only('BertPreTokenizer') }).nullish(),
  model: z.looseObject({
    type: only('WordPiece').optional(),
    unk_token: only('[UNK]').optional(),
    continuing_subword_prefix: only('##').optional(),
    vocab: z.record(z.string(), id)
  })
})

const configSchema = z.looseObject({
  do_lower_case: z.boolean().optional(),
  strip_accents: z.boolean().nullish(),
  tokenize_chinese_chars: z.boolean().optional(),
  added_tokens_decoder: z.record(z.string().regex(/^\d{1,8}$/), addedToken.omit({ id: true })).optional()
})

const legacyAdded = z.record(z.string().min(1), id)

type Json = z.infer<typeof tokenizerSchema>
type Config = z.infer<typeof configSchema>

const corrupt = (path: string, found: string, expected: string): StoreError => ({
  _tag: 'Corrupt',
  path,
  found,
  expected
})

const tokenizerExpected = 'a WordPiece tokeniser'

const parsed =
  <A>(path: string, schema: z.ZodType<A>, what: string) =>
  (text: string): E.Either<StoreError, A> =>
    pipe(
      bracketsIn(text) > mostBrackets
        ? E.left(corrupt(path, `more than ${mostBrackets} brackets`, what))
        : E.tryCatch(
            () => JSON.parse(text) as unknown,
            () => corrupt(path, 'text that is not JSON', what)
          ),
      E.chain((json) => {
        const found = schema.safeParse(json)
        if (found.success) return E.right(found.data)
        const [{ path: keys, message }] = found.error.issues
        return E.left(corrupt(path, `another ${keys.map(String).join('.') || 'value'}`, `${message}: ${what}`))
      })
    )

/** A JSON file of the directory, or nothing where it is not there. */
const optional = <A>(path: string, schema: z.ZodType<A>, what: string): TE.TaskEither<StoreError, A | undefined> =>
  pipe(
    exists(path),
    TE.chain((there): TE.TaskEither<StoreError, A | undefined> =>
      there ? pipe(readText(path), TE.chainEitherK(parsed(path, schema, what))) : TE.right(undefined)
    )
  )

const twice = (path: string, at: number, ...[one, other]: readonly [string, string]): StoreError =>
  corrupt(path, `id ${at} for ${describe(one)} and for ${describe(other)}`, 'an id for each')

const vocabularyFrom =
  (path: string) =>
  (of: Readonly<Record<string, number>>): E.Either<StoreError, Vocabulary> => {
    const entries = Object.entries(of)
    const pieces = Array<string>(entries.reduce((n, [, at]) => Math.max(n, at + 1), 0)).fill('')
    for (const [piece, at] of entries) {
      if (pieces[at] !== '') return E.left(twice(path, at, pieces[at], piece))
      pieces[at] = piece
    }
    return pipe(
      vocabularyOf(path)(pieces),
      E.mapLeft((e) => corrupt(path, showVocabularyError(e), 'the vocabulary of an ELECTRA model'))
    )
  }

const parsedVocabulary =
  (path: string) =>
  (bytes: Uint8Array): E.Either<StoreError, Vocabulary> =>
    pipe(
      parseVocabulary(path)(bytes),
      E.mapLeft((e) => corrupt(path, showVocabularyError(e), 'the vocabulary of an ELECTRA model'))
    )

/** A setting holds where it stands: in the configuration if it is there, null included, else in the normaliser. */
const optionsOf = (config: Config, json: Json | undefined): TokenizerOptions => {
  const lowercase = config.do_lower_case ?? json?.normalizer?.lowercase ?? uncased.lowercase
  const stripAccents = config.strip_accents === undefined ? json?.normalizer?.strip_accents : config.strip_accents
  return {
    lowercase,
    stripAccents: stripAccents ?? lowercase,
    isolateHan: config.tokenize_chinese_chars ?? json?.normalizer?.handle_chinese_chars ?? uncased.isolateHan,
    longestWord: uncased.longestWord
  }
}

const flags = { single_word: false, lstrip: false, rstrip: false }

/**
 * By content, the later source before the earlier one, in the order of their ids. To those that the vocabulary lacks the library
 * gives, in this order, the ids after as many as there are pieces, whatever ids they say they have.
 */
const addedOf = (
  path: string,
  { idOf }: Vocabulary,
  config: Config,
  json: Json | undefined,
  legacy: Readonly<Record<string, number>>
): E.Either<StoreError, ReadonlyArray<AddedToken>> => {
  const special = specialPieces.map((content) => ({
    ...{ id: idOf.get(content) ?? 0, content, ...flags },
    normalized: false,
    special: true
  }))
  const all: ReadonlyArray<AddedToken> = [
    ...special,
    ...(json?.added_tokens ?? []),
    ...Object.entries(legacy).map(([content, at]) => ({ id: at, content, ...flags, normalized: true, special: false })),
    ...Object.entries(config.added_tokens_decoder ?? {}).map(([at, token]) => ({ id: Number(at), ...token }))
  ]
  const added = [...new Map(all.map((token) => [token.content, token])).values()].sort((a, b) => a.id - b.id)
  const at = added.findIndex(({ id: own }, i) => i > 0 && added[i - 1].id === own)
  return at === -1 ? E.right(added) : E.left(twice(path, added[at].id, added[at - 1].content, added[at].content))
}

const rowsOf = ({ pieces, idOf }: Vocabulary, added: ReadonlyArray<AddedToken>): number =>
  Math.max(pieces.length, idOf.size + added.filter(({ content }) => !idOf.has(content)).length)

/** Reads the vocabulary of a `tokenizer.json` (any name in .json), or of a `vocab.txt`. */
export const readVocabulary = (path: string): TE.TaskEither<StoreError, Vocabulary> =>
  path.endsWith('.json')
    ? pipe(
        readText(path),
        TE.chainEitherK(parsed(path, tokenizerSchema, tokenizerExpected)),
        TE.chainEitherK(({ model }) => vocabularyFrom(path)(model.vocab))
      )
    : pipe(readBytes(path, longestVocabulary), TE.chainEitherK(parsedVocabulary(path)))

/** The file of a model directory that holds its vocabulary, if any does. */
export const vocabularyFile = (directory: string): TE.TaskEither<never, string | undefined> => {
  const [json, text] = [join(directory, 'tokenizer.json'), join(directory, 'vocab.txt')]
  return pipe(
    TE.Do,
    TE.apS('hasJson', exists(json)),
    TE.apS('hasText', exists(text)),
    TE.map(({ hasJson, hasText }) => (hasJson ? json : hasText ? text : undefined))
  )
}

/** Reads the tokeniser of a model directory. Fails where it has none, or one of another kind. */
export const readTokenizerFiles = (directory: string): TE.TaskEither<StoreError, TokenizerFiles> => {
  const at = (name: string): string => join(directory, name)
  return pipe(
    TE.Do,
    TE.bind('json', () => optional(at('tokenizer.json'), tokenizerSchema, tokenizerExpected)),
    TE.bind('config', () => optional(at('tokenizer_config.json'), configSchema, "a tokeniser's configuration")),
    TE.bind('legacy', () => optional(at('added_tokens.json'), legacyAdded, 'ids of added tokens')),
    TE.bindW('file', () => vocabularyFile(directory)),
    TE.bind('vocabulary', ({ json, file }): TE.TaskEither<StoreError, Vocabulary> => {
      if (json !== undefined) return TE.fromEither(vocabularyFrom(at('tokenizer.json'))(json.model.vocab))
      return file === undefined
        ? TE.left(corrupt(directory, 'neither tokenizer.json nor vocab.txt', "one of them, for the model's vocabulary"))
        : readVocabulary(file)
    }),
    TE.chainEitherK(({ json, config = {}, legacy = {}, vocabulary }) =>
      pipe(
        addedOf(directory, vocabulary, config, json, legacy),
        E.map((added) => ({
          ...{ vocabulary, options: optionsOf(config, json) },
          ...{ added, rows: rowsOf(vocabulary, added) }
        }))
      )
    )
  )
}
