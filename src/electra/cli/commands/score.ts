/** `pure-electra score`: how likely texts are. */

import type { Readable } from 'node:stream'
import { createInterface } from 'node:readline/promises'
import type { Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { adapterOption, deviceOption, jsonOption, matmulOption, relaxedSimdOption } from '../arguments.js'
import type { Console } from '../console.js'
import { examples, finish, type WithJson } from '../finish.js'
import { exitCodes, failed, type Command, type Failure } from '../outcome.js'
import { asOption, likely, withScorer, type ScoringOptions } from '../scorer.js'

const linesOf = (input: Readable): TE.TaskEither<Failure, ReadonlyArray<string>> =>
  TE.tryCatch(
    async () => {
      const lines: Array<string> = []
      for await (const line of createInterface({ input })) if (line.trim() !== '') lines.push(line)
      return lines
    },
    (cause) => failed(`standard input: ${String(cause)}`)
  )

export const score = (texts: ReadonlyArray<string>, options: ScoringOptions, console: Console): Command =>
  withScorer(
    options,
    console
  )((scoreOf) =>
    pipe(
      texts.length === 0 ? linesOf(process.stdin) : TE.right(texts),
      TE.chain(
        TE.traverseSeqArray((text) =>
          pipe(
            scoreOf(text),
            TE.map(({ pieces, likelihoods, total }) => {
              console.say(`${total.toFixed(3)}\t${text}`)
              console.json({ text, logLikelihood: total, tokens: pieces.map((piece, i) => [piece, likelihoods[i]]) })
            })
          )
        )
      ),
      TE.map(() => exitCodes.done)
    )
  )

export const declareScore = (root: Program): void => {
  root
    .command('score')
    .description(
      'pseudo-log-likelihoods of texts: of Electric in one pass, of a masked language model, and of ELECTRA with its generator, token by token'
    )
    .argument('[text...]', 'texts, each in quotes; the lines of standard input where none is given')
    .requiredOption('--model <dir>', `a run of the objectives ${likely.join(', ')}, or a model directory`)
    .addOption(asOption())
    .addOption(deviceOption())
    .addOption(adapterOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'score --model runs/electric "The cat sat." "The cat sit."',
        'score --model runs/electra/model/generator --as masked-lm "The cat sat."'
      )
    )
    .action((texts: ReadonlyArray<string>, options: ScoringOptions & WithJson) =>
      finish(options, (console) => score(texts, options, console))
    )
}
