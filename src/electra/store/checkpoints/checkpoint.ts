/**
 * Checkpoints: one directory each, `checkpoint-00000030`, from which a run continues bit for bit.
 *
 *     model.safetensors      parameters, by path
 *     optimizer.safetensors  the optimiser's arrays, by path
 *     state.json             the rest, with sizes and hashes of the other two
 *
 * A directory appears whole or not at all; older ones are removed only after it stands.
 */

import { basename, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe } from '../../../tensor/describe.js'
import { decode, encode, showSafetensorsError } from '../../../tensor/safetensors.js'
import type { NamedStored } from '../../../tensor/stored.js'
import {
  parseState,
  printState,
  type CheckpointProgress,
  type CheckpointState,
  type FileFacts
} from './checkpoint-state.js'
import { sha256 } from '../digest.js'
import type { StoreError } from '../errors.js'
import { namesIn, readBytes, readText, removeDirectory, writeDirectory } from '../files/files.js'

export type Checkpoint = {
  readonly progress: CheckpointProgress
  readonly params: ReadonlyArray<NamedStored>
  readonly optimizer: ReadonlyArray<NamedStored>
}

/** Far more than any state. */
const longestState = 2 ** 20

const stateFile = 'state.json'
const modelFile = 'model.safetensors'
const optimizerFile = 'optimizer.safetensors'

const nameOf = (step: number): string => `checkpoint-${String(step).padStart(8, '0')}`

/** Where `saveCheckpoint` puts that of a step. */
export const checkpointPath = (directory: string, step: number): string => join(directory, nameOf(step))

/** `undefined` for names that `nameOf` does not give. */
const stepOf = (name: string): number | undefined => {
  const step = Number(/^checkpoint-(\d{8,15})$/.exec(name)?.[1])
  return nameOf(step) === name ? step : undefined
}

// ------------------------------------------------------------------ one of them

const factsOf = (bytes: Uint8Array): FileFacts => ({ bytes: bytes.length, sha256: sha256(bytes) })

const filesOf = ({ progress, params, optimizer }: Checkpoint): ReadonlyMap<string, Uint8Array> => {
  const [model, moments] = [encode(params), encode(optimizer)]
  const files = { [modelFile]: factsOf(model), [optimizerFile]: factsOf(moments) }
  return new Map([
    [modelFile, model],
    [optimizerFile, moments],
    [stateFile, new TextEncoder().encode(printState({ ...progress, files }))]
  ])
}

const corrupt = (path: string, found: string, expected: string): StoreError => ({
  _tag: 'Corrupt',
  path,
  found,
  expected
})

const loadTensors = (
  directory: string,
  file: string,
  { files }: CheckpointState
): TE.TaskEither<StoreError, ReadonlyArray<NamedStored>> => {
  const path = join(directory, file)
  const facts = files[file]
  if (facts === undefined) return TE.left(corrupt(join(directory, stateFile), `nothing about ${file}`, 'its hash'))
  return pipe(
    // A longer one is not read; `expected` is then the right length all the same.
    readBytes(path, facts.bytes),
    TE.mapLeft((e) => (e._tag === 'Corrupt' && e.expected !== 'a file' ? { ...e, expected: String(facts.bytes) } : e)),
    TE.filterOrElse(
      (bytes) => bytes.length === facts.bytes,
      (bytes) => corrupt(path, `${bytes.length} bytes`, String(facts.bytes))
    ),
    TE.filterOrElse(
      (bytes) => sha256(bytes) === facts.sha256,
      () => corrupt(path, 'content that does not match its hash', `sha256 ${facts.sha256}`)
    ),
    TE.chainEitherK((bytes) =>
      pipe(
        decode(bytes),
        E.mapLeft((e) => corrupt(path, showSafetensorsError(e), 'a safetensors file'))
      )
    ),
    TE.map(({ tensors }) => [...tensors].map(([name, stored]) => ({ ...stored, name })))
  )
}

/** A state speaks of the files beside it and of no other. */
const expectOwnFiles =
  (path: string) =>
  ({ files }: CheckpointState): E.Either<StoreError, void> => {
    const foreign = Object.keys(files).find((name) => name !== modelFile && name !== optimizerFile)
    return foreign === undefined
      ? E.right(undefined)
      : E.left(corrupt(path, `the file ${describe(foreign)}`, `${modelFile} and ${optimizerFile} alone`))
  }

/** The checkpoint in a directory. Every byte of it is checked. */
export const loadCheckpoint = (directory: string): TE.TaskEither<StoreError, Checkpoint> => {
  const path = join(directory, stateFile)
  return pipe(
    readText(path, longestState),
    TE.chainEitherK(parseState(path)),
    TE.chainFirstEitherK(expectOwnFiles(path)),
    // A copy under a name of its own may be of any step.
    TE.filterOrElse(
      ({ step }) => step === (stepOf(basename(directory)) ?? step),
      ({ step }) => corrupt(path, `step ${step}`, `that of ${basename(directory)}`)
    ),
    TE.bindTo('state'),
    TE.bind('params', ({ state }) => loadTensors(directory, modelFile, state)),
    TE.bind('optimizer', ({ state }) => loadTensors(directory, optimizerFile, state)),
    TE.map(({ state: { files: _, ...progress }, params, optimizer }) => ({ progress, params, optimizer }))
  )
}

// ----------------------------------------------------------------- all of them

/** Steps of the checkpoints in a directory, ascending. */
const stepsIn = (directory: string): TE.TaskEither<StoreError, ReadonlyArray<number>> =>
  pipe(
    namesIn(directory),
    TE.map((names) => names.flatMap((name) => stepOf(name) ?? []).sort((a, b) => a - b))
  )

/** Those of `steps` that go when the last `keep`, the one just written and the best stay. */
export const stepsToRemove = (
  steps: ReadonlyArray<number>,
  keep: number,
  written: number,
  best: number | undefined
): ReadonlyArray<number> => {
  const ascending = [...steps].sort((a, b) => a - b)
  return ascending.slice(0, Math.max(0, ascending.length - keep)).filter((step) => step !== written && step !== best)
}

const write = (directory: string, checkpoint: Checkpoint): TE.TaskEither<StoreError, string> => {
  const files = filesOf(checkpoint)
  const name = nameOf(checkpoint.progress.step)
  return pipe(
    writeDirectory(directory, name, files),
    TE.orElse((e) => (e._tag === 'AlreadyExists' ? alreadyThere(e.path, files) : TE.left(e)))
  )
}

/** Writing what is there already is no failure: a run that is stopped at a step it has just saved does so. */
const alreadyThere = (path: string, files: ReadonlyMap<string, Uint8Array>): TE.TaskEither<StoreError, string> =>
  pipe(
    [...files],
    TE.traverseSeqArray(([file, bytes]) =>
      pipe(
        readBytes(join(path, file)),
        TE.filterOrElse(
          (there) => there.length === bytes.length && sha256(there) === sha256(bytes),
          (): StoreError => ({ _tag: 'AlreadyExists', path })
        )
      )
    ),
    TE.map(() => path)
  )

/**
 * Removes all checkpoints of a directory but the last `keep`, that of the given progress and its best: after each one that is
 * written, and where a process that ended in between has left more.
 */
export const pruneCheckpoints = (
  directory: string,
  { step: written, best }: Pick<CheckpointProgress, 'step' | 'best'>,
  keep: number
): TE.TaskEither<StoreError, void> =>
  pipe(
    stepsIn(directory),
    TE.map((steps) => stepsToRemove(steps, keep, written, best?.step)),
    TE.chain(TE.traverseSeqArray((step) => removeDirectory(directory, nameOf(step)))),
    TE.asUnit
  )

/**
 * Writes a checkpoint into `directory`, then removes all but the last `keep`, this one and the best. Gives its path.
 * A failure to write leaves every earlier checkpoint as it was.
 */
export const saveCheckpoint = (
  directory: string,
  checkpoint: Checkpoint,
  { keep }: { readonly keep: number }
): TE.TaskEither<StoreError, string> =>
  pipe(
    write(directory, checkpoint),
    TE.chainFirst(() => pruneCheckpoints(directory, checkpoint.progress, keep))
  )

export type Found = { readonly path: string; readonly checkpoint: Checkpoint }

const load = (path: string): TE.TaskEither<StoreError, Found> =>
  pipe(
    loadCheckpoint(path),
    TE.map((checkpoint) => ({ path, checkpoint }))
  )

/** Whether one is there, whole or damaged: something to go on from, or to complain of. */
export const hasCheckpoint = (directory: string): T.Task<boolean> =>
  pipe(
    stepsIn(directory),
    TE.match(
      () => false,
      (steps) => steps.length > 0
    )
  )

/** The first of `paths` that loads. */
const firstWhole = (paths: ReadonlyArray<string>): TE.TaskEither<StoreError, string | undefined> => {
  const [path, ...others] = paths
  return path === undefined
    ? TE.right(undefined)
    : pipe(
        load(path),
        TE.map((found): string | undefined => found.path),
        TE.orElse(() => firstWhole(others))
      )
}

/**
 * The newest checkpoint in a directory; none where there is none. Where the newest is damaged the answer is an error that
 * names it and the newest whole one before it: nobody continues from an older state without knowing.
 */
export const latestCheckpoint = (directory: string): TE.TaskEither<StoreError, O.Option<Found>> =>
  pipe(
    stepsIn(directory),
    TE.chain((steps): TE.TaskEither<StoreError, O.Option<Found>> => {
      const [newest, ...older] = [...steps].reverse().map((step) => join(directory, nameOf(step)))
      if (newest === undefined) return TE.right(O.none)
      return pipe(
        load(newest),
        TE.map(O.some),
        TE.orElse((problem) =>
          pipe(
            firstWhole(older),
            TE.chain((previous) =>
              TE.left<StoreError, O.Option<Found>>({ _tag: 'NewestUnusable', newest, problem, previous })
            )
          )
        )
      )
    })
  )
