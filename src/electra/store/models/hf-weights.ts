/**
 * The tensors of a model directory: one `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
 */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as z from 'zod'
import { describe } from '../../../tensor/describe.js'
import { decode, showSafetensorsError } from '../../../tensor/safetensors.js'
import type { Stored } from '../../../tensor/stored.js'
import { parseJson, showJsonError } from '../../../tensor/strict-json.js'
import type { StoreError } from '../errors.js'
import { exists, readBytes, readText } from '../files/files.js'

export type Weights = {
  /** Names the tensors in errors. */
  readonly path: string
  readonly tensors: ReadonlyMap<string, Stored>
}

export const tensorsFile = 'model.safetensors'
const indexFile = `${tensorsFile}.index.json`

/** Formats that need the framework they come from. */
const foreign = ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'tf_model.h5', 'flax_model.msgpack'] as const

const corrupt = (path: string, found: string, expected: string): StoreError => ({
  _tag: 'Corrupt',
  path,
  found,
  expected
})

const readOne = (path: string): TE.TaskEither<StoreError, ReadonlyMap<string, Stored>> =>
  pipe(
    readBytes(path),
    TE.chainEitherK((bytes) =>
      pipe(
        decode(bytes),
        E.mapLeft((e) => corrupt(path, showSafetensorsError(e), 'a safetensors file'))
      )
    ),
    TE.map(({ tensors }) => tensors)
  )

/** Far more than that of any model. */
const longestIndex = 2 ** 22
const deepestIndex = 8

/** Shards stand beside the index: a name that leads elsewhere is refused. */
const isShard = (name: string): boolean => /^[^\p{C}/\\]{1,240}\.safetensors$/u.test(name)

const index = z.looseObject({ weight_map: z.record(z.string(), z.string()) })

const parseIndex =
  (path: string) =>
  (text: string): E.Either<StoreError, ReadonlyArray<readonly [string, string]>> =>
    pipe(
      parseJson(deepestIndex)(text),
      E.mapLeft((e) => corrupt(path, showJsonError(e), 'an index of shards')),
      E.chain((json) => {
        const parsed = index.safeParse(json)
        if (!parsed.success)
          return E.left(
            corrupt(path, 'something else', 'an index: { "weight_map": { TENSOR: FILE.safetensors, ... } }')
          )
        const entries = Object.entries(parsed.data.weight_map)
        const foreign = entries.find(([, file]) => !isShard(file))
        return foreign === undefined
          ? E.right(entries)
          : E.left(
              corrupt(path, `the shard ${describe(foreign[1])}`, 'the name of a .safetensors file beside the index')
            )
      })
    )

const readShards = (directory: string): TE.TaskEither<StoreError, ReadonlyMap<string, Stored>> => {
  const path = join(directory, indexFile)
  return pipe(
    readText(path, longestIndex),
    TE.chainEitherK(parseIndex(path)),
    TE.chain((entries) =>
      pipe(
        [...new Set(entries.map(([, file]) => file))],
        TE.traverseSeqArray((file) =>
          pipe(
            readOne(join(directory, file)),
            TE.map((tensors) => [file, tensors] as const)
          )
        ),
        TE.map((shards) => new Map(shards)),
        TE.chainEitherK((shards) =>
          pipe(
            entries,
            E.traverseArray(([name, file]) => {
              const x = shards.get(file)?.get(name)
              return x === undefined
                ? E.left(corrupt(join(directory, file), `no tensor ${describe(name)}`, `it, as ${indexFile} says`))
                : E.right([name, x] as const)
            })
          )
        ),
        TE.map((named) => new Map(named))
      )
    )
  )
}

const present = (directory: string, names: ReadonlyArray<string>): TE.TaskEither<StoreError, ReadonlyArray<string>> =>
  pipe(
    names,
    TE.traverseSeqArray((name) =>
      pipe(
        exists(join(directory, name)),
        TE.map((there) => (there ? [name] : []))
      )
    ),
    TE.map((found) => found.flat())
  )

/** Reads the weights of a model directory. Where they are in another framework's format, says how to convert them. */
export const readWeights = (directory: string): TE.TaskEither<StoreError, Weights> => {
  const path = join(directory, tensorsFile)
  return pipe(
    present(directory, [tensorsFile, indexFile, ...foreign]),
    TE.chain((found): TE.TaskEither<StoreError, Weights> => {
      const shown = { path }
      if (found.includes(tensorsFile))
        return pipe(
          readOne(path),
          TE.map((tensors) => ({ ...shown, tensors }))
        )
      if (found.includes(indexFile))
        return pipe(
          readShards(directory),
          TE.map((tensors) => ({ path: join(directory, indexFile), tensors }))
        )
      return found.length === 0
        ? TE.left(corrupt(directory, 'no weights', `${tensorsFile}, or ${indexFile} and its shards`))
        : TE.left(
            corrupt(
              directory,
              `${found[0]} alone`,
              `${tensorsFile}; convert in Python: from transformers import AutoModelForPreTraining as M; ` +
                `M.from_pretrained("${directory}").save_pretrained("converted")`
            )
          )
    })
  )
}
