/**
 * Building a corpus from text: count words, train a vocabulary (or take a given one), encode.
 *
 * A sentence is a line, and a document ends at an empty line and at the end of a file. The text is streamed, once or
 * twice; what stays in memory are the distinct words and four bytes a sentence. The vocabulary is trained on the training
 * documents only. Files are written under a temporary name beside the destination, synced, and renamed whole.
 */

import { open, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { showStoreError, type StoreError } from '../store/errors.js'
import { acquirePartial } from '../store/partial.js'
import { corpusFiles, isHeldOut, printTokenizer } from './corpus.js'
import { codeOf, unreadable, unwritable, type CorpusError } from './corpus-error.js'
import { printManifest, sealManifest, sha256Of, type Manifest } from './manifest.js'
import { bytesPerId } from './sentences.js'
import { withSplitWriter } from './split-writer.js'
import { findText, readLines, type TextFile } from './text-source.js'
import { countWords, libraryVersion, openTokenizer, type Tokenizer } from './tokenizer.js'
import { uncased, type TokenizerOptions } from './tokenizer-json.js'
import { parseVocabulary, printVocabulary, type Vocabulary } from './vocabulary.js'
import { trainVocabulary, type TrainerOptions } from './wordpiece-trainer.js'

/** Pieces of a trained vocabulary unless another number is asked for; a small text supports fewer. */
export const defaultVocabularySize = 8192

export type CorpusRecipe = {
  /** Files, and directories of `.txt` and `.txt.gz` files. */
  readonly inputs: ReadonlyArray<string>
  /** The directory to make. It must not exist. */
  readonly out: string
  readonly vocabulary: VocabularyChoice
  readonly tokenizer: TokenizerOptions
  /** Whether an empty line ends a document. */
  readonly blanksSeparateDocuments: boolean
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
}

export const defaultRecipe = {
  vocabulary: { _tag: 'trained', size: defaultVocabularySize },
  tokenizer: uncased,
  blanksSeparateDocuments: true,
  onProgress: () => undefined
} as const satisfies Partial<CorpusRecipe>

/** Builds a corpus, or leaves nothing behind. */
export const buildCorpus = (recipe: CorpusRecipe): TaskEither<CorpusError, CorpusSummary> =>
  pipe(
    expectAbsent(recipe.out),
    TE.chain(() => findText(recipe.inputs)),
    TE.bindTo('files'),
    TE.bind('vocabulary', ({ files }) => vocabularyFor(recipe, files)),
    TE.bindW('tokenizer', ({ vocabulary }) => TE.fromEither(openTokenizer(vocabulary, recipe.tokenizer))),
    TE.chain(({ files, tokenizer }) =>
      makeDirectory(recipe.out, (temporary) => writeCorpus(recipe, files, tokenizer, temporary))
    ),
    TE.map((written) => ({ directory: recipe.out, ...written }))
  )

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

/** Numbers the documents of all texts in reading order. */
const documentCounter = (blanksSeparateDocuments: boolean) => {
  let document = 0
  let isOpen = false
  const close = (): void => {
    if (isOpen) document += 1
    isOpen = false
  }
  return {
    /** The document that a line belongs to, or undefined for a blank one. */
    line: (text: string): number | undefined => {
      if (text !== '') {
        isOpen = true
        return document
      }
      if (blanksSeparateDocuments) close()
      return undefined
    },
    endFile: close
  }
}

const vocabularyFor = (recipe: CorpusRecipe, files: ReadonlyArray<TextFile>): TaskEither<CorpusError, Vocabulary> => {
  const choice = recipe.vocabulary
  switch (choice._tag) {
    case 'given':
      return pipe(
        TE.tryCatch(
          () => readFile(choice.path),
          (error) => unreadable(choice.path, error)
        ),
        TE.chainEitherKW(parseVocabulary(choice.path))
      )
    case 'trained':
      return pipe(
        countSpaced(recipe, files),
        TE.chainEitherKW((counts) => countWords(recipe.tokenizer, counts)),
        TE.filterOrElse(
          (words) => words.size > 0,
          (): CorpusError => ({ _tag: 'NoText', inputs: recipe.inputs })
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
    const documents = documentCounter(recipe.blanksSeparateDocuments)
    const report = meter(recipe, 'counting words', totalBytes(files))
    for (const file of files) {
      const read = await readLines(
        file,
        report
      )((lines) =>
        TE.fromIO(() => {
          for (const line of lines) {
            const text = line.trim()
            const document = documents.line(text)
            if (document === undefined || isHeldOut(document)) continue
            for (const word of text.split(' ')) {
              const known = counts.get(word)
              // A copy, since a part of a string keeps the whole line alive.
              if (known === undefined) counts.set(Buffer.from(word).toString(), 1)
              else counts.set(word, known + 1)
            }
          }
        })
      )()
      if (E.isLeft(read)) return read
      documents.endFile()
    }
    return E.right(counts)
  }

/** Runs `write` in a new directory beside `out`, which takes its name at the end or vanishes. */
const makeDirectory = <A>(
  out: string,
  write: (temporary: string) => TaskEither<CorpusError, A>
): TaskEither<CorpusError, A> => {
  const failed = (e: StoreError): CorpusError => ({ _tag: 'WriteFailed', path: out, reason: showStoreError(e) })
  return TE.bracket(
    pipe(acquirePartial(out), TE.mapLeft(failed)),
    ({ path, settle }) =>
      pipe(
        write(path),
        TE.chainFirst(() =>
          TE.tryCatch(
            async () => {
              await syncPath(path)
              await rename(path, out)
              await settle(out)
              await syncPath(dirname(resolve(out)))
            },
            (error): CorpusError =>
              ['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(codeOf(error) ?? '')
                ? { _tag: 'OutputExists', path: out }
                : unwritable(out, error)
          )
        )
      ),
    ({ release }) => pipe(release, TE.mapLeft(failed))
  )
}

const syncPath = async (path: string): Promise<void> => {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const writeCorpus =
  (
    recipe: CorpusRecipe,
    files: ReadonlyArray<TextFile>,
    tokenizer: Tokenizer,
    directory: string
  ): TaskEither<CorpusError, Omit<CorpusSummary, 'directory'>> =>
  async () => {
    const { vocabulary } = tokenizer
    const version = libraryVersion()
    if (E.isLeft(version)) return version
    const encoded = await encodeText(recipe, files, tokenizer, directory)()
    if (E.isLeft(encoded)) return encoded
    const { train, heldOut, sources, unknownTokens } = encoded.right
    if (train.tokens === 0) return E.left({ _tag: 'NoText', inputs: recipe.inputs })
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
    return E.right({ manifest, unknownTokens })
  }

const writeSynced = (path: string, text: string): Promise<void> => writeFile(path, text, { flush: true })

type Encoded = {
  readonly train: Manifest['train']
  readonly heldOut: Manifest['heldOut']
  readonly sources: Manifest['sources']
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
    const documents = documentCounter(recipe.blanksSeparateDocuments)
    const report = meter(recipe, 'encoding', totalBytes(files))
    const { pieces, special } = tokenizer.vocabulary
    const width = bytesPerId(pieces.length)
    let unknownTokens = 0
    return pipe(
      withSplitWriter(join(directory, corpusFiles.train), recipe.out, width, (train) =>
        withSplitWriter(join(directory, corpusFiles.heldOut), recipe.out, width, (heldOut) => async () => {
          const sources: Array<Manifest['sources'][number]> = []
          for (const file of files) {
            const read = await readLines(
              file,
              report
            )((lines) => async () => {
              const sentences = lines.flatMap((line) => {
                const text = line.trim()
                const document = documents.line(text)
                return document === undefined ? [] : [{ text, document }]
              })
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
            documents.endFile()
            sources.push({ name: file.name, bytes: file.bytes, sha256: read.right })
          }
          return pipe(
            TE.Do,
            TE.apS('train', train.finish),
            TE.apS('heldOut', heldOut.finish),
            TE.map((splits) => ({ ...splits, sources, unknownTokens }))
          )()
        })
      )
    )()
  }
