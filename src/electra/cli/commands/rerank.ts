/** `pure-electra rerank`: the best of each list of hypotheses, by their scores and by how likely they are as texts. */

import { Option, type Command as Program } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as z from 'zod'
import { parseJson, showJsonError } from '../../../tensor/strict-json.js'
import { best, chooseLambda, wordErrorRate, type NBest } from '../../scoring/rerank.js'
import { showStoreError } from '../../store/errors.js'
import { readText } from '../../store/files/files.js'
import {
  adapterOption,
  amountFromZero,
  deviceOption,
  jsonOption,
  matmulOption,
  relaxedSimdOption
} from '../arguments.js'
import type { Console } from '../console.js'
import { examples, finish, type WithJson } from '../finish.js'
import { exitCodes, failed, failedWith, type Command, type Failure } from '../outcome.js'
import { asOption, likely, withScorer, type ScoringOptions, type TextScorer } from '../scorer.js'

export type RerankOptions = ScoringOptions & {
  /** Of the likelihood; chosen by the references where it is not given. */
  readonly lambda?: number
}

const listSchema = z.object({
  id: z.union([z.string(), z.number().transform(String)]),
  hypotheses: z.array(z.object({ text: z.string(), score: z.number() })).min(1),
  reference: z.string().optional()
})

type GivenList = z.infer<typeof listSchema>

/** Deeper than any line, and longer than any file of lists. */
const [deepest, longest] = [8, 2 ** 28]

const parseLine =
  (path: string) =>
  (line: string, i: number): E.Either<Failure, GivenList> => {
    const wrong = (found: string): Failure =>
      failed(
        `${path}, line ${i + 1}: found ${found}, expected {"id": "...", "hypotheses": [{"text": "...", "score": 0}, ...]}`
      )
    return pipe(
      parseJson(deepest)(line),
      E.mapLeft((e) => wrong(showJsonError(e))),
      E.chain((json) => {
        const parsed = listSchema.safeParse(json)
        return parsed.success
          ? E.right(parsed.data)
          : E.left(wrong(`something else at ${parsed.error.issues[0].path.join('.') || 'the top'}`))
      })
    )
  }

const readLists = (path: string): TE.TaskEither<Failure, ReadonlyArray<GivenList>> =>
  pipe(
    readText(path, longest),
    TE.mapLeft(failedWith(showStoreError)),
    TE.chainEitherK((text) =>
      pipe(
        text.split('\n').map((line, i) => [line, i] as const),
        (lines) => lines.filter(([line]) => line.trim() !== ''),
        E.traverseArray(([line, i]) => parseLine(path)(line, i))
      )
    )
  )

const scored =
  (scoreOf: TextScorer) =>
  ({ id, hypotheses, reference }: GivenList): TE.TaskEither<Failure, NBest> =>
    pipe(
      hypotheses,
      TE.traverseSeqArray((hypothesis) =>
        pipe(
          scoreOf(hypothesis.text),
          TE.map(({ total }) => ({ ...hypothesis, likelihood: total }))
        )
      ),
      TE.map((all) => ({ id, hypotheses: all, ...(reference === undefined ? {} : { reference }) }))
    )

/** The one that was asked for, or that errs least on the lists whose reference is known. */
const lambdaOf = ({ lambda }: RerankOptions, lists: ReadonlyArray<NBest>): E.Either<Failure, number> => {
  if (lambda !== undefined) return E.right(lambda)
  return lists.some(({ reference }) => reference !== undefined)
    ? E.right(chooseLambda(lists).lambda)
    : E.left(failed('found no --lambda, expected one, or lists with a "reference" to choose it by'))
}

export const rerank = (path: string, options: RerankOptions, console: Console): Command =>
  withScorer(
    options,
    console
  )((scoreOf) =>
    pipe(
      readLists(path),
      TE.chain(TE.traverseSeqArray(scored(scoreOf))),
      TE.bindTo('lists'),
      TE.bind('lambda', ({ lists }) => TE.fromEither(lambdaOf(options, lists))),
      TE.map(({ lists, lambda }) => {
        for (const list of lists) {
          const chosen = best(lambda)(list)
          console.say(`${list.id}\t${chosen.text}`)
          console.json({ id: list.id, lambda, ...chosen })
        }
        const [before, after] = [wordErrorRate(0, lists), wordErrorRate(lambda, lists)]
        if (!Number.isNaN(after))
          console.note(
            `lambda ${lambda}: word error rate ${(100 * before).toFixed(2)} % by the scores alone, ${(100 * after).toFixed(2)} % with likelihoods`
          )
        return exitCodes.done
      })
    )
  )

export const declareRerank = (root: Program): void => {
  root
    .command('rerank')
    .description('the best hypothesis of each n-best list, by score + lambda times pseudo-log-likelihood')
    .argument('<file>', 'JSON lines: id, hypotheses (text, score), and reference where it is known')
    .requiredOption('--model <dir>', `a run of the objectives ${likely.join(', ')}, or a model directory`)
    .addOption(
      new Option(
        '--lambda <x>',
        "the likelihood's weight; where not given, that of 0.05, 0.1, ..., 1 with the fewest word errors against the references"
      ).argParser(amountFromZero)
    )
    .addOption(asOption())
    .addOption(deviceOption())
    .addOption(adapterOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('rerank --model runs/electric --lambda 0.3 lists.jsonl'))
    .action((path: string, options: RerankOptions & WithJson) =>
      finish(options, (console) => rerank(path, options, console))
    )
}
