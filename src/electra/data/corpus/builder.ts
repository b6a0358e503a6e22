/**
 * Building a corpus from text: count words, train a vocabulary (or take a given one), encode.
 *
 * The text is streamed, once or twice (what can be read once only is copied first); what stays in memory are the distinct
 * words, four bytes a sentence, and, where duplicates are left out, one document and a hash of each. The vocabulary is
 * trained on the training documents only. Files are written under a temporary name beside the destination, synced, and
 * renamed whole.
 */

import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { showStoreError, type StoreError } from '../../store/errors.js'
import { readBytes } from '../../store/files/files.js'
import { readVocabulary } from '../../store/models/hf-tokenizer-files.js'
import { writeSynced } from '../../store/files/durable.js'
import { acquirePartial } from '../../store/files/partial.js'
import { corpusFiles, isHeldOut, printTokenizer } from './corpus.js'
import { unreadableFile, unwritable, type CorpusError } from '../corpus-error.js'
import { codeOf, reasonOfCode } from '../../system-error.js'
import { readDocuments, type DocumentRules, type ReadDocuments } from '../text/documents.js'
import { printManifest, sealManifest, sha256Of, type Manifest } from './manifest.js'
import { bytesPerId } from '../sentences.js'
import { withSplitWriter } from './split-writer.js'
import { defaultField } from '../text/records.js'
import { spool } from '../text/lines.js'
import { findText, type FoundText, type Skipped, type TextFile } from '../text/source.js'
import { countWords, libraryVersion, openTokenizer, type Tokenizer } from '../vocabulary/tokenizer.js'
import { uncased, type TokenizerOptions } from '../vocabulary/tokenizer-json.js'
import { longestVocabulary, parseVocabulary, printVocabulary, type Vocabulary } from '../vocabulary/vocabulary.js'
import { trainVocabulary, type TrainerOptions } from '../vocabulary/wordpiece-trainer.js'

/** Pieces of a trained vocabulary unless another number is asked for; a small text supports fewer. */
export const defaultVocabularySize = 8192

export type CorpusRecipe = {
  /** Files and directories as `findText` takes them. */
  readonly inputs: ReadonlyArray<string>
  /** The directory to make. It must not exist. */
  readonly out: string
  readonly vocabulary: VocabularyChoice
  readonly tokenizer: TokenizerOptions
  /** Whether an empty line ends a document. */
  readonly blanksSeparateDocuments: boolean
  /** The field of JSON lines that holds a document's text: `text` where not given. */
  readonly field?: string
  /** Whether documents that have been there before, to the letter, are left out. */
  readonly dedup: boolean
  readonly onProgress: (progress: CorpusProgress) => void
}

export type VocabularyChoice =
  ({ readonly _tag: 'trained' } & TrainerOptions) | { readonly _tag: 'given'; readonly path: string }

export type CorpusProgress = {
  readonly phase: 'counting words' | 'training the vocabulary' | 'encoding'
  /** Bytes of the sources as stored, or pieces of the vocabulary. */
  readonly done: number
  readonly total: number
  /** Seconds since the phase began. */
  readonly elapsed: number
  /** Seconds left in this phase at the rate so far; undefined at its beginning. */
  readonly left: number | undefined
}

export type CorpusSummary = {
  readonly directory: string
  readonly manifest: Manifest
  /** How many of the encoded tokens, those held out included, are [UNK]. */
  readonly unknownTokens: number
  /** What was found and is not in the corpus. */
  readonly skipped: ReadonlyArray<Skipped>
}

export const defaultRecipe = {
  vocabulary: { _tag: 'trained', size: defaultVocabularySize },
  tokenizer: uncased,
  blanksSeparateDocuments: true,
  dedup: false,
  onProgress: () => undefined
} as const satisfies Partial<CorpusRecipe>

/** Builds a corpus, or leaves nothing behind. */
export const buildCorpus = (recipe: CorpusRecipe): TaskEither<CorpusError, CorpusSummary> =>
  pipe(
    expectAbsent(recipe.out),
    TE.chain(() => findText(recipe.inputs, recipe.field !== undefined)),
    TE.chain((found) =>
      makeDirectory(recipe.out, (temporary) =>
        withSpooled(found.files, join(temporary, 'spooled'), (files) =>
          pipe(
            vocabularyFor(recipe, files),
            TE.bindTo('vocabulary'),
            TE.bindW('tokenizer', ({ vocabulary }) => TE.fromEither(openTokenizer(vocabulary, recipe.tokenizer))),
            TE.chain(({ tokenizer }) => writeCorpus(recipe, { ...found, files }, tokenizer, temporary))
          )
        )
      )
    ),
    TE.map((written) => ({ directory: recipe.out, ...written }))
  )

/** Hands on files that can all be read again, some of them copied into `directory` as long as they are used. */
const withSpooled = <A>(
  files: ReadonlyArray<TextFile>,
  directory: string,
  use: (files: ReadonlyArray<TextFile>) => TaskEither<CorpusError, A>
): TaskEither<CorpusError, A> =>
  TE.bracket(
    TE.tryCatch(
      () => mkdir(directory),
      (error) => unwritable(directory, error)
    ),
    () => pipe(spool(files, directory), TE.chain(use)),
    () =>
      TE.tryCatch(
        () => rm(directory, { recursive: true, force: true }),
        (error) => unwritable(directory, error)
      )
  )

const rulesOf = ({ blanksSeparateDocuments, field = defaultField, dedup }: CorpusRecipe): DocumentRules => ({
  blanksSeparateDocuments,
  field,
  dedup
})

const expectAbsent =
  (path: string): TaskEither<CorpusError, void> =>
  async () => {
    try {
      await stat(path)
      return E.left({ _tag: 'OutputExists', path })
    } catch (error) {
      return codeOf(error) === 'ENOENT' ? E.right(undefined) : E.left(unwritable(path, error))
    }
  }

/** Reports the share of `total` done, with the time that is left if the rate stays as it was. */
const meter = (recipe: CorpusRecipe, phase: CorpusProgress['phase'], total: number) => {
  const begun = performance.now()
  let done = 0
  return (more: number): void => {
    done += more
    const elapsed = (performance.now() - begun) / 1000
    recipe.onProgress({ phase, done, total, elapsed, left: done === 0 ? undefined : (elapsed * (total - done)) / done })
  }
}

const totalBytes = (files: ReadonlyArray<TextFile>): number => files.reduce((sum, { bytes }) => sum + bytes, 0)

/** A corpus holds a vocabulary as lines, so those of a `tokenizer.json` have to be lines. */
const vocabularyOfTokenizer = (path: string): TaskEither<CorpusError, Vocabulary> =>
  pipe(
    readVocabulary(path),
    TE.mapLeft((e): CorpusError => ({ _tag: 'UnusableVocabulary', reason: showStoreError(e) })),
    TE.filterOrElse(
      ({ pieces }) => pieces.every((piece) => !/[\0\n\r]/.test(piece)),
      (): CorpusError => ({
        _tag: 'UnusableVocabulary',
        reason: `${path}: found a piece of several lines, expected words`
      })
    )
  )

const vocabularyFor = (recipe: CorpusRecipe, files: ReadonlyArray<TextFile>): TaskEither<CorpusError, Vocabulary> => {
  const choice = recipe.vocabulary
  switch (choice._tag) {
    case 'given':
      if (choice.path.endsWith('.json')) return vocabularyOfTokenizer(choice.path)
      return pipe(
        readBytes(choice.path, longestVocabulary),
        TE.mapLeft(unreadableFile(choice.path)),
        TE.chainEitherKW(parseVocabulary(choice.path))
      )
    case 'trained':
      return pipe(
        countSpaced(recipe, files),
        TE.chainEitherKW((counts) => countWords(recipe.tokenizer, counts)),
        TE.filterOrElse(
          (words) => words.size > 0,
          (): CorpusError => ({ _tag: 'NoText', inputs: recipe.inputs, skipped: [] })
        ),
        TE.chainEitherKW((words) => {
          const report = meter(recipe, 'training the vocabulary', choice.size)
          report(0)
          return pipe(
            trainVocabulary(words, choice),
            E.map((vocabulary) => {
              report(choice.size)
              return vocabulary
            })
          )
        })
      )
  }
}

/** How often each string between spaces occurs in the training documents. */
const countSpaced =
  (recipe: CorpusRecipe, files: ReadonlyArray<TextFile>): TaskEither<CorpusError, ReadonlyMap<string, number>> =>
  async () => {
    const counts = new Map<string, number>()
    const report = meter(recipe, 'counting words', totalBytes(files))
    const read = await readDocuments(
      files,
      rulesOf(recipe),
      report
    )((sentences) =>
      TE.fromIO(() => {
        for (const { text, document } of sentences) {
          if (isHeldOut(document)) continue
          for (const word of text.split(' ')) {
            const known = counts.get(word)
            // A copy, since a part of a string keeps the whole line alive.
            if (known === undefined) counts.set(Buffer.from(word).toString(), 1)
            else counts.set(word, known + 1)
          }
        }
      })
    )()
    return pipe(
      read,
      E.map(() => counts)
    )
  }

/** Runs `write` in a new directory beside `out`, which takes its name at the end or vanishes. */
const makeDirectory = <A>(
  out: string,
  write: (temporary: string) => TaskEither<CorpusError, A>
): TaskEither<CorpusError, A> => {
  const failed = (e: StoreError): CorpusError => ({ _tag: 'WriteFailed', path: out, reason: showStoreError(e) })
  const incomplete = (e: StoreError): CorpusError => {
    if (e._tag === 'AlreadyExists') return { _tag: 'OutputExists', path: out }
    return e._tag === 'FileFailure'
      ? { _tag: 'WriteFailed', path: out, reason: reasonOfCode(e.code, e.reason) }
      : failed(e)
  }
  return TE.bracket(
    pipe(acquirePartial(out), TE.mapLeft(failed)),
    ({ path, complete }) =>
      pipe(
        write(path),
        TE.chainFirst(() => pipe(complete, TE.mapLeft(incomplete)))
      ),
    ({ release }) => pipe(release, TE.mapLeft(failed))
  )
}

const writeCorpus =
  (
    recipe: CorpusRecipe,
    found: FoundText,
    tokenizer: Tokenizer,
    directory: string
  ): TaskEither<CorpusError, Omit<CorpusSummary, 'directory'>> =>
  async () => {
    const { vocabulary } = tokenizer
    const version = libraryVersion()
    if (E.isLeft(version)) return version
    const encoded = await encodeText(recipe, found.files, tokenizer, directory)()
    if (E.isLeft(encoded)) return encoded
    const { train, heldOut, sources, unknownTokens } = encoded.right
    const skipped = [...found.skipped, ...encoded.right.skipped]
    if (train.tokens === 0) return E.left({ _tag: 'NoText', inputs: recipe.inputs, skipped })
    const manifest = sealManifest({
      format: 'pure-electra corpus',
      version: 1,
      tokenizer: { library: 'tokenizers', version: version.right, ...recipe.tokenizer },
      vocabulary: {
        origin: recipe.vocabulary._tag,
        size: vocabulary.pieces.length,
        sha256: sha256Of(printVocabulary(vocabulary))
      },
      blanksSeparateDocuments: recipe.blanksSeparateDocuments,
      train,
      heldOut,
      sources
    })
    try {
      await writeSynced(join(directory, corpusFiles.vocabulary), printVocabulary(vocabulary))
      await writeSynced(join(directory, corpusFiles.tokenizer), printTokenizer(vocabulary, recipe.tokenizer))
      await writeSynced(join(directory, corpusFiles.manifest), printManifest(manifest))
    } catch (error) {
      return E.left(unwritable(recipe.out, error))
    }
    return E.right({ manifest, unknownTokens, skipped })
  }

type Encoded = ReadDocuments & {
  readonly train: Manifest['train']
  readonly heldOut: Manifest['heldOut']
  readonly unknownTokens: number
}

const encodeText =
  (
    recipe: CorpusRecipe,
    files: ReadonlyArray<TextFile>,
    tokenizer: Tokenizer,
    directory: string
  ): TaskEither<CorpusError, Encoded> =>
  () => {
    const report = meter(recipe, 'encoding', totalBytes(files))
    const { pieces, special } = tokenizer.vocabulary
    const width = bytesPerId(pieces.length)
    let unknownTokens = 0
    return pipe(
      withSplitWriter(join(directory, corpusFiles.train), recipe.out, width, (train) =>
        withSplitWriter(join(directory, corpusFiles.heldOut), recipe.out, width, (heldOut) => async () => {
          const read = await readDocuments(
            files,
            rulesOf(recipe),
            report
          )((sentences) => async () => {
            const encoded = await tokenizer.encodeLines(sentences.map(({ text }) => text))()
            if (E.isLeft(encoded)) return encoded
            encoded.right.forEach((ids, i) => {
              const { document } = sentences[i]
              const split = isHeldOut(document) ? heldOut : train
              split.append(document, ids)
              for (const id of ids) if (id === special.unk) unknownTokens += 1
            })
            return pipe(
              train.flush,
              TE.chain(() => heldOut.flush)
            )()
          })()
          if (E.isLeft(read)) return read
          return pipe(
            TE.Do,
            TE.apS('train', train.finish),
            TE.apS('heldOut', heldOut.finish),
            TE.map((splits) => ({ ...splits, ...read.right, unknownTokens }))
          )()
        })
      )
    )()
  }
