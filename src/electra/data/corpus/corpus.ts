/**
 * An encoded corpus: a directory of five files.
 *
 *     corpus.json      the manifest: counts, settings, sources, hashes
 *     vocab.txt        the vocabulary, one piece a line
 *     tokenizer.json   the tokeniser, as Hugging Face's libraries read it
 *     train.bin        sentences to train on
 *     heldout.bin      sentences to evaluate on: every fiftieth document
 */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { readBytes } from '../../store/files/files.js'
import { unreadableFile, type CorpusError } from '../corpus-error.js'
import type { EncodedCorpus } from '../encoded-corpus.js'
import { longestManifest, parseManifest, sha256Of, tokenizerOptionsOf, type Manifest } from './manifest.js'
import { byteLengthOf, bytesPerId, decodeSentences, type Damage, type Sentences } from '../sentences.js'
import { tokenizerJson, type TokenizerOptions } from '../vocabulary/tokenizer-json.js'
import { longestVocabulary, parseVocabulary, type Vocabulary } from '../vocabulary/vocabulary.js'

export type Corpus = EncodedCorpus & {
  readonly directory: string
  readonly manifest: Manifest
}

/** The names of the files of a corpus. */
export const corpusFiles = {
  manifest: 'corpus.json',
  vocabulary: 'vocab.txt',
  tokenizer: 'tokenizer.json',
  train: 'train.bin',
  heldOut: 'heldout.bin'
} as const

/** A vocabulary in JSON, with an id for each piece. */
const longestTokenizer = 4 * longestVocabulary

/** Documents are numbered from 0 across all texts. A corpus of two documents already has one that is held out. */
export const isHeldOut = (document: number): boolean => document % 50 === 1

export const printTokenizer = (vocabulary: Vocabulary, options: TokenizerOptions): string =>
  JSON.stringify(tokenizerJson(vocabulary, options)) + '\n'

/** Reads a corpus whole and checks every file of it against the manifest's sizes and hashes. */
export const openCorpus = (directory: string): TaskEither<CorpusError, Corpus> => {
  const damaged =
    (name: string) =>
    ({ found, expected }: Damage): CorpusError => ({
      _tag: 'DamagedCorpus',
      path: join(directory, name),
      found,
      expected
    })
  const read = (name: string, limit: number): TaskEither<CorpusError, Uint8Array> =>
    pipe(
      readBytes(join(directory, name), limit),
      TE.mapLeft((e): CorpusError => {
        if (e._tag === 'Corrupt') return damaged(name)(e)
        const isMissing = e._tag === 'FileFailure' && ['ENOENT', 'ENOTDIR'].includes(e.code)
        if (isMissing && name === corpusFiles.manifest) return { _tag: 'NoCorpus', path: directory }
        return unreadableFile(join(directory, name))(e)
      })
    )
  const split = (name: string, facts: Manifest['train'], vocabulary: Vocabulary): TaskEither<CorpusError, Sentences> =>
    pipe(
      read(name, byteLengthOf(facts, bytesPerId(vocabulary.pieces.length))),
      TE.chainEitherK((bytes) =>
        pipe(
          // The size first: of a file cut short it says more than a hash does.
          decodeSentences(facts, vocabulary.pieces.length)(bytes),
          E.chainFirst(() => expectHash(bytes, facts.sha256)),
          E.mapLeft(damaged(name))
        )
      )
    )

  return pipe(
    TE.Do,
    TE.bind('manifest', () =>
      pipe(
        read(corpusFiles.manifest, longestManifest),
        TE.chainEitherK((bytes) =>
          pipe(parseManifest(Buffer.from(bytes).toString('utf8')), E.mapLeft(damaged(corpusFiles.manifest)))
        )
      )
    ),
    TE.bind('vocabulary', ({ manifest }) =>
      pipe(
        read(corpusFiles.vocabulary, longestVocabulary),
        TE.chainEitherK((bytes) =>
          pipe(
            expectHash(bytes, manifest.vocabulary.sha256),
            E.mapLeft(damaged(corpusFiles.vocabulary)),
            E.chainW(() => parseVocabulary(join(directory, corpusFiles.vocabulary))(bytes))
          )
        )
      )
    ),
    TE.chainFirst(({ manifest, vocabulary }) =>
      pipe(
        read(corpusFiles.tokenizer, longestTokenizer),
        TE.chainEitherK((bytes) =>
          pipe(
            expectHash(bytes, sha256Of(printTokenizer(vocabulary, tokenizerOptionsOf(manifest)))),
            E.mapLeft(damaged(corpusFiles.tokenizer))
          )
        )
      )
    ),
    TE.bind('train', ({ manifest, vocabulary }) => split(corpusFiles.train, manifest.train, vocabulary)),
    TE.bind('heldOut', ({ manifest, vocabulary }) => split(corpusFiles.heldOut, manifest.heldOut, vocabulary)),
    TE.map((parts) => ({ directory, ...parts }))
  )
}

const expectHash = (bytes: Uint8Array, expected: string): E.Either<Damage, void> => {
  const found = sha256Of(bytes)
  return found === expected ? E.right(undefined) : E.left({ found: `sha256 ${found}`, expected })
}
