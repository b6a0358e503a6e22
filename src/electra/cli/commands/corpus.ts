/** `pure-electra corpus build`: text files to an encoded corpus. */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { buildCorpus, defaultRecipe, type CorpusSummary, type VocabularyChoice } from '../../data/corpus-builder.js'
import { showCorpusError } from '../../data/corpus-error.js'
import type { Console } from '../console.js'
import { exitCodes, failedWith, type Command, type Failure } from '../outcome.js'
import { corpusProgress } from '../progress.js'

export type CorpusBuildOptions = {
  readonly input: ReadonlyArray<string>
  readonly out: string
  readonly vocab?: string
  readonly vocabSize: number
  readonly cased: boolean
  readonly keepAccents: boolean
  readonly blankLinesKeepDocuments: boolean
}

const vocabularyOf = ({ vocab, vocabSize }: CorpusBuildOptions): VocabularyChoice =>
  vocab === undefined ? { _tag: 'trained', size: vocabSize } : { _tag: 'given', path: vocab }

/** Builds with progress; the bar is taken down whatever happens. */
export const buildWithProgress = (
  options: CorpusBuildOptions,
  console: Console
): TE.TaskEither<Failure, CorpusSummary> => {
  const progress = corpusProgress(console)
  return pipe(
    buildCorpus({
      ...defaultRecipe,
      inputs: options.input,
      out: options.out,
      vocabulary: vocabularyOf(options),
      tokenizer: { lowercase: !options.cased, stripAccents: !options.cased && !options.keepAccents },
      blanksSeparateDocuments: !options.blankLinesKeepDocuments,
      onProgress: progress.observe
    }),
    (build) => () => build().finally(progress.stop),
    TE.mapLeft(failedWith(showCorpusError))
  )
}

export const corpusBuild = (options: CorpusBuildOptions, console: Console): Command =>
  pipe(
    buildWithProgress(options, console),
    TE.map(({ directory, manifest }) => {
      const { train, heldOut, vocabulary } = manifest
      console.say(
        `${directory}: ${vocabulary.size.toLocaleString('en')} pieces; ` +
          `${train.tokens.toLocaleString('en')} tokens in ${train.sentences.toLocaleString('en')} sentences of ` +
          `${train.documents.toLocaleString('en')} documents to train on; ${heldOut.tokens.toLocaleString('en')} tokens held out`
      )
      console.json({ directory, ...manifest })
      return exitCodes.done
    })
  )
