/** What a trial leaves in its directory beside the run's own files: predictions, and the model. */

import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { checkpointPath, loadCheckpoint } from '../../store/checkpoints/checkpoint.js'
import { showStoreError } from '../../store/errors.js'
import { makeDirectories, writeFileWhole } from '../../store/files/files.js'
import { hfTokenizerFiles } from '../../store/models/hf-tokenizer.js'
import { replaceTaskModel } from '../../store/models/task-model-files.js'
import type { Judgement } from '../../tasks/task.js'
import type { RunResult } from '../../training/run.js'
import { failedWith, type Failure } from '../outcome.js'
import { stored } from '../stored.js'
import type { FinetuneOptions } from './options.js'
import type { Given } from './preparation.js'

/** A state that is judged, and after how many steps it was there. */
export type JudgedState = Pick<RunResult, 'params' | 'step'>

/** That of the end, or of the evaluation with the least loss. */
export const judgedState = (
  { checkpoint }: FinetuneOptions,
  out: string,
  { best, params, step }: RunResult
): TE.TaskEither<Failure, JudgedState> =>
  checkpoint === 'last' || best === undefined || best.step === step
    ? TE.right({ params, step })
    : pipe(
        loadCheckpoint(checkpointPath(join(out, 'checkpoints'), best.step)),
        TE.bimap(failedWith(showStoreError), (loaded) => ({ params: loaded.params, step: best.step }))
      )

export const writePredictions = (
  out: string,
  judged: Readonly<Record<string, Judgement>>
): TE.TaskEither<Failure, unknown> => {
  const files = Object.values(judged).flatMap(({ files: texts }) => Object.entries(texts))
  return pipe(
    makeDirectories(join(out, 'predictions')),
    TE.chain(() =>
      pipe(
        files,
        TE.traverseSeqArray(([name, text]) => writeFileWhole(join(out, 'predictions', name), text))
      )
    ),
    stored
  )
}

/** The network as a directory from which it can be used, and another task be begun. */
export const exportModel = (
  { head }: FinetuneOptions,
  out: string,
  { name, encoder: { network, tokenizing }, prepared: { exported }, recipe: { dropout, sequenceLength } }: Given,
  params: RunResult['params']
): TE.TaskEither<Failure, string> =>
  pipe(
    replaceTaskModel(join(out, 'model'), {
      network: { ...network, hiddenDropout: dropout, attentionDropout: dropout },
      task: exported,
      head,
      dropout,
      params,
      learnt: { name, sequenceLength },
      tokenizer: hfTokenizerFiles(tokenizing.vocabulary, tokenizing.options, network.maxPositions)
    }),
    stored
  )
