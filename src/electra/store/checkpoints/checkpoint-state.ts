/**
 * `state.json`: everything of a checkpoint that is not a tensor, and the sizes and hashes of the files that hold tensors.
 *
 * There is one text for each state: sorted keys, two spaces, a line feed at the end, and a checksum over the rest. Any
 * other text is refused, so that no byte of the file can change unnoticed.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { describe } from '../../../tensor/describe.js'
import { parseJson, showJsonError } from '../../../tensor/strict-json.js'
import { canonicalJson, type Json } from '../canonical-json.js'
import { sha256OfText } from '../digest.js'
import type { StoreError } from '../errors.js'

export const checkpointVersion = 2

/**
 * What a run must have in common with a checkpoint to continue from it, by names that people read: the problem that it solves,
 * its configuration, the hash of its data, its seed, its number of steps.
 */
export type RunIdentity = { readonly [name: string]: Json }

export type HeldOut = { readonly step: number; readonly loss: number }

/** How far a run has come. */
export type CheckpointProgress = {
  readonly identity: RunIdentity
  /** Updates done. */
  readonly step: number
  /** Whatever the closing report needs from the past. */
  readonly metrics: Readonly<Record<string, number>>
  /** The lowest held-out loss so far and its step; undefined before the first evaluation. */
  readonly best: HeldOut | undefined
}

export type FileFacts = { readonly bytes: number; readonly sha256: string }

export type CheckpointState = CheckpointProgress & { readonly files: Readonly<Record<string, FileFacts>> }

/** JSON has no NaN, infinities or -0. */
const numberJson = (x: number): Json =>
  Number.isFinite(x) && !Object.is(x, -0) ? x : Object.is(x, -0) ? '-0' : String(x)

const withChecksum = (content: { readonly [key: string]: Json }): string =>
  `${canonicalJson({ ...content, checksum: sha256OfText(canonicalJson(content)) }, 2)}\n`

export const printState = (state: CheckpointState): string =>
  withChecksum({
    version: checkpointVersion,
    step: state.step,
    identity: state.identity,
    metrics: Object.fromEntries(Object.entries(state.metrics).map(([name, x]) => [name, numberJson(x)])),
    best: state.best === undefined ? null : { step: state.best.step, loss: numberJson(state.best.loss) },
    files: state.files
  })

const real = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity', '-0']).transform(Number)])
const count = z.int().min(0)

const stateSchema = z.strictObject({
  version: z.literal(checkpointVersion),
  step: count,
  identity: z.record(z.string(), z.json()),
  metrics: z.record(z.string(), real),
  best: z.strictObject({ step: count, loss: real }).nullable(),
  files: z.record(z.string(), z.strictObject({ bytes: count, sha256: z.string() })),
  checksum: z.string()
})

/** Deeper than any state. */
const deepestState = 8

const isObject = (x: unknown): x is { readonly [key: string]: Json } =>
  typeof x === 'object' && x !== null && !Array.isArray(x)

/** The state in a file's text; `path` names the file in errors. */
export const parseState =
  (path: string) =>
  (text: string): E.Either<StoreError, CheckpointState> => {
    const corrupt = (found: string, expected: string): StoreError => ({ _tag: 'Corrupt', path, found, expected })
    return pipe(
      parseJson(deepestState)(text),
      E.mapLeft((e) => corrupt(showJsonError(e), 'the state of a checkpoint')),
      E.filterOrElse(isObject, (json) => corrupt(describe(json), 'an object')),
      E.filterOrElse(
        ({ version }) => version === checkpointVersion,
        ({ version }): StoreError => ({
          _tag: 'UnsupportedVersion',
          path,
          found: describe(version),
          expected: String(checkpointVersion)
        })
      ),
      E.filterOrElse(
        ({ checksum: _, ...content }) => text === withChecksum(content),
        () => corrupt('content that does not match its checksum', 'the text that was written')
      ),
      E.chain((json) => {
        const parsed = stateSchema.safeParse(json)
        return parsed.success
          ? E.right(parsed.data)
          : E.left(corrupt(z.prettifyError(parsed.error), 'the state of a checkpoint'))
      }),
      E.map(({ version: _, checksum: __, best, ...rest }) => ({ ...rest, best: best ?? undefined }))
    )
  }
