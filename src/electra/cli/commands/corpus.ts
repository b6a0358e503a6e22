/** `pure-electra corpus build`: text files to an encoded corpus. */

import { Option, type Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  buildCorpus,
  defaultRecipe,
  defaultVocabularySize,
  type CorpusSummary,
  type VocabularyChoice
} from '../../data/corpus/builder.js'
import { showCorpusError, showSkipped } from '../../data/corpus-error.js'
import type { Manifest } from '../../data/corpus/manifest.js'
import { uncased } from '../../data/vocabulary/tokenizer-json.js'
import type { Console } from '../console.js'
import { counted } from '../../counted.js'
import { exitCodes, failedWith, type Command, type Failure } from '../outcome.js'
import { corpusProgress } from '../progress.js'
import { jsonOption, positive } from '../arguments.js'
import { examples, finish, type WithJson } from '../finish.js'

export type CorpusBuildOptions = {
  readonly input: ReadonlyArray<string>
  readonly out: string
  readonly vocab?: string
  readonly vocabSize: number
  /** Most characters of a trained vocabulary's alphabet. */
  readonly limitAlphabet?: number
  /** How often a character or a pair of pieces must occur to enter a trained vocabulary. */
  readonly minFrequency?: number
  readonly cased: boolean
  readonly keepAccents: boolean
  readonly blankLinesKeepDocuments: boolean
  /** The field of JSON lines that holds the text. */
  readonly field?: string
  readonly dedup?: boolean
}

const vocabularyOf = ({ vocab, vocabSize, limitAlphabet, minFrequency }: CorpusBuildOptions): VocabularyChoice =>
  vocab === undefined
    ? { _tag: 'trained', size: vocabSize, alphabet: limitAlphabet, leastCount: minFrequency }
    : { _tag: 'given', path: vocab }

/** From this share of [UNK] on, a model would learn the gaps of its vocabulary. */
const worryingShare = 0.005

const shareUnknown = ({ manifest: { train, heldOut }, unknownTokens }: CorpusSummary): number =>
  unknownTokens / (train.tokens + heldOut.tokens)

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

/** What to do about characters that the vocabulary lacks: only what would help. */
export const adviceOn = (
  { vocabulary }: Pick<Manifest, 'vocabulary'>,
  { vocabSize, limitAlphabet, minFrequency }: Pick<CorpusBuildOptions, 'vocabSize' | 'limitAlphabet' | 'minFrequency'>
): string => {
  if (vocabulary.origin === 'given') return 'the vocabulary was made for other text: train one (leave --vocab out)'
  const helpful = [
    // One that could not be filled gains nothing by more room.
    ...(vocabulary.size < vocabSize ? [] : ['raise --vocab-size']),
    ...(limitAlphabet === undefined ? [] : ['raise --limit-alphabet']),
    ...(minFrequency === undefined || minFrequency === 1 ? [] : ['lower --min-frequency'])
  ]
  return helpful.length === 0
    ? 'the text that the vocabulary was trained on does not have their characters'
    : `characters of the text are not in the vocabulary: ${helpful.join(', or ')}`
}

/** What people should know of a corpus before they train on it. */
const warningsOf = (built: CorpusSummary, options: CorpusBuildOptions): ReadonlyArray<string> => [
  ...(shareUnknown(built) > worryingShare
    ? [`warning: ${percent(shareUnknown(built))} of the tokens are [UNK]; ${adviceOn(built.manifest, options)}`]
    : []),
  ...(built.manifest.heldOut.documents === 0
    ? [
        'warning: nothing is held out, since the text is one document: what is trained on it cannot be evaluated; ' +
          'give several files, or put empty lines between documents'
      ]
    : [])
]

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
      tokenizer: { ...uncased, lowercase: !options.cased, stripAccents: !options.cased && !options.keepAccents },
      blanksSeparateDocuments: !options.blankLinesKeepDocuments,
      dedup: options.dedup ?? false,
      ...(options.field === undefined ? {} : { field: options.field }),
      onProgress: progress.observe
    }),
    (build) => () => build().finally(progress.stop),
    TE.map((summary) => {
      for (const warning of warningsOf(summary, options)) console.note(warning)
      return summary
    }),
    TE.mapLeft(failedWith(showCorpusError))
  )
}

export const corpusBuild = (options: CorpusBuildOptions, console: Console): Command =>
  pipe(
    buildWithProgress(options, console),
    TE.map((summary) => {
      const { directory, manifest, unknownTokens, skipped } = summary
      const { train, heldOut, vocabulary } = manifest
      console.say(
        `${directory}: ${counted(vocabulary.size, 'piece')}; ` +
          `${counted(train.tokens, 'token')} in ${counted(train.sentences, 'sentence')} of ` +
          `${counted(train.documents, 'document')} to train on; ${counted(heldOut.tokens, 'token')} held out; ` +
          `${percent(shareUnknown(summary))} of the tokens are [UNK]`
      )
      for (const some of showSkipped(skipped)) console.say(`left out: ${some}`)
      console.json({ directory, ...manifest, unknownTokens, skipped })
      return exitCodes.done
    })
  )

export const declareCorpus = (root: Program): void => {
  const corpus = root.command('corpus').description('text to encoded corpora')
  corpus.addHelpText('after', examples('corpus build --input books/ --out corpus', 'corpus build --help'))
  corpus
    .command('build')
    .description('encode text files into a corpus: one sentence or paragraph a line, a blank line between documents')
    .requiredOption(
      '--input <path...>',
      'text (.txt), JSON lines (.jsonl), either compressed (.gz); directories of them; - for standard input'
    )
    .requiredOption('--out <dir>', 'the directory to make; it must not exist')
    .addOption(
      new Option('--vocab <file>', 'a vocabulary to use: one piece a line, or a tokenizer.json').conflicts('vocabSize')
    )
    .addOption(
      new Option('--vocab-size <n>', 'pieces of the vocabulary to train')
        .argParser(positive)
        .default(defaultVocabularySize)
    )
    .addOption(
      new Option(
        '--limit-alphabet <n>',
        'most characters in a trained vocabulary; the rarest become [UNK] (default: all that fit)'
      )
        .argParser(positive)
        .conflicts('vocab')
    )
    .addOption(
      new Option(
        '--min-frequency <n>',
        'how often a character or a pair of pieces must occur to enter a trained vocabulary (default: 1 and 2)'
      )
        .argParser(positive)
        .conflicts('vocab')
    )
    .option('--cased', 'keep letter case and accents', false)
    .option('--keep-accents', 'lower-case, but keep accents', false)
    .option(
      '--field <name>',
      'the field of JSON lines with the text (default: text); given, files whose names do not say what they are count as JSON lines'
    )
    .option('--dedup', 'leave out documents that have been there before, to the letter', false)
    .option('--blank-lines-keep-documents', 'a blank line does not end a document; the end of a file does', false)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'corpus build --input books/ --out corpus',
        'corpus build --input text.txt --vocab vocab.txt --out corpus',
        'corpus build --input wiki.jsonl.gz --field article --dedup --out corpus'
      )
    )
    .action((options: CorpusBuildOptions & WithJson) => finish(options, (console) => corpusBuild(options, console)))
}
