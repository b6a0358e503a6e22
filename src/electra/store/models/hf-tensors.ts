/**
 * The tensors of Hugging Face's ELECTRA models, and how a run's parameters become them and come back.
 *
 * The names are the same by design. A run keeps both networks in one tree, under `discriminator.` and `generator.`, with
 * the shared embeddings once, on the discriminator's side; a model file holds one network with embeddings of its own.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { equalShapes, type Shape } from '../../../tensor/shape.js'
import { bytesOf, widenBF16, widenF16, type NamedStored, type Stored, type StoredOf } from '../../../tensor/stored.js'
import { runNames, type Exported } from '../../objective/exported.js'
import type { Half, StoreError } from '../errors.js'
import type { Network } from './hf-config.js'

export type FloatTensor = StoredOf<'F32'> & { readonly name: string }

// ------------------------------------------------------------ names and shapes

type Shapes = ReadonlyArray<readonly [string, Shape]>

const dense = (name: string, from: number, to: number): Shapes => [
  [`${name}.weight`, [to, from]],
  [`${name}.bias`, [to]]
]

const layerNorm = (name: string, width: number): Shapes => [
  [`${name}.weight`, [width]],
  [`${name}.bias`, [width]]
]

const layer = (name: string, h: number, f: number): Shapes => [
  ...dense(`${name}.attention.self.query`, h, h),
  ...dense(`${name}.attention.self.key`, h, h),
  ...dense(`${name}.attention.self.value`, h, h),
  ...dense(`${name}.attention.output.dense`, h, h),
  ...layerNorm(`${name}.attention.output.LayerNorm`, h),
  ...dense(`${name}.intermediate.dense`, h, f),
  ...dense(`${name}.output.dense`, f, h),
  ...layerNorm(`${name}.output.LayerNorm`, h)
]

const body = (n: Network): Shapes => [
  ['electra.embeddings.word_embeddings.weight', [n.vocabSize, n.embeddingSize]],
  ['electra.embeddings.position_embeddings.weight', [n.maxPositions, n.embeddingSize]],
  ['electra.embeddings.token_type_embeddings.weight', [n.typeVocabSize, n.embeddingSize]],
  ...layerNorm('electra.embeddings.LayerNorm', n.embeddingSize),
  ...(n.embeddingSize === n.hiddenSize ? [] : dense('electra.embeddings_project', n.embeddingSize, n.hiddenSize)),
  ...Array.from({ length: n.layers }, (_, i) =>
    layer(`electra.encoder.layer.${i}`, n.hiddenSize, n.feedForwardSize)
  ).flat()
]

const head = (n: Network, half: Half): Shapes => {
  switch (half) {
    case 'discriminator':
      return [
        ...dense('discriminator_predictions.dense', n.hiddenSize, n.hiddenSize),
        ...dense('discriminator_predictions.dense_prediction', n.hiddenSize, 1)
      ]
    case 'generator':
      return [
        ...layerNorm('generator_predictions.LayerNorm', n.embeddingSize),
        ...dense('generator_predictions.dense', n.hiddenSize, n.embeddingSize),
        ['generator_lm_head.bias', [n.vocabSize]]
      ]
    case 'encoder':
      return []
  }
}

/** Every tensor of a model with its shape. Kernels are `[out, in]`; the softmax's is the word embeddings, and not listed. */
export const hfShapes = (network: Network, half: Half): ReadonlyMap<string, Shape> =>
  new Map([...body(network), ...head(network, half)])

/** Fails with every name that is missing or too many, and every shape that is another. */
export const checkTensors =
  (path: string, expected: ReadonlyMap<string, Shape>) =>
  <A extends { readonly shape: Shape }>(
    found: ReadonlyMap<string, A>
  ): E.Either<StoreError, ReadonlyMap<string, A>> => {
    const missing = [...expected.keys()].filter((name) => !found.has(name))
    const unexpected = [...found.keys()].filter((name) => !expected.has(name))
    const wrongShapes = [...found].flatMap(([name, { shape }]) => {
      const right = expected.get(name)
      return right === undefined || equalShapes(shape, right) ? [] : [{ name, found: shape, expected: right }]
    })
    return missing.length + unexpected.length + wrongShapes.length === 0
      ? E.right(found)
      : E.left({ _tag: 'TensorsDiffer', path, missing, unexpected, wrongShapes })
  }

// ---------------------------------------------------------------------- writing

/** One network of a run's parameters, under the names of its model file: a copy of what it shares with another one. */
export const exportedTensors = (
  exported: Exported,
  fileNames: Iterable<string>,
  params: ReadonlyArray<NamedStored>
): ReadonlyMap<string, NamedStored> => {
  const named = new Map(params.map((p) => [p.name, p]))
  return new Map(
    [...runNames(exported, fileNames, (name) => named.has(name))].flatMap(([name, runName]) => {
      const stored = named.get(runName)
      return stored === undefined ? [] : [[name, { ...stored, name }] as const]
    })
  )
}

// ---------------------------------------------------------------------- reading

/** Heads of transformers' models and of the published code: what may stand beside the body where only the body is wanted. */
const headPrefixes = [
  'discriminator_predictions.',
  'generator_predictions.',
  'generator_lm_head.',
  'classifier.',
  'qa_outputs.',
  'start_predictions.',
  'end_predictions.',
  'answerability_predictions.',
  'sequence_summary.'
]

const isHead = (name: string): boolean => headPrefixes.some((prefix) => name.startsWith(prefix))

const halfIn = (names: ReadonlyArray<string>): Half => {
  if (names.some((name) => name.startsWith('discriminator_predictions.'))) return 'discriminator'
  return names.some((name) => name.startsWith('generator_')) ? 'generator' : 'encoder'
}

/** Constants that older files hold. */
const constants = ['electra.embeddings.position_ids', 'electra.embeddings.token_type_ids']

/** TensorFlow's names of a layer norm's two tensors, which transformers takes for its own. */
const renamed = (name: string): string =>
  name.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias')

/** A bare `ElectraModel` leaves the prefix out. */
const normalised = (tensors: ReadonlyMap<string, Stored>): ReadonlyMap<string, Stored> => {
  const isBare = ![...tensors.keys()].some((name) => name.startsWith('electra.'))
  return new Map(
    [...tensors]
      .map(([name, x]) => [renamed(isBare && !isHead(name) ? `electra.${name}` : name), x] as const)
      .filter(([name]) => !constants.includes(name))
  )
}

const divided = <A>(
  map: ReadonlyMap<string, A>,
  isKept: (name: string) => boolean
): { readonly kept: ReadonlyMap<string, A>; readonly rest: ReadonlyArray<string> } => ({
  kept: new Map([...map].filter(([name]) => isKept(name))),
  rest: [...map.keys()].filter((name) => !isKept(name))
})

const sameBytes = (a: Stored, b: Stored): boolean => {
  const [x, y] = [bytesOf(a.data), bytesOf(b.data)]
  return a.dtype === b.dtype && x.length === y.length && x.every((byte, i) => byte === y[i])
}

const word = 'electra.embeddings.word_embeddings.weight'
const softmax = 'generator_lm_head.weight'

/** Drops the softmax's weight, which has to be the word embeddings. */
const untied =
  (path: string) =>
  (tensors: ReadonlyMap<string, Stored>): E.Either<StoreError, ReadonlyMap<string, Stored>> => {
    const [embeddings, weight] = [tensors.get(word), tensors.get(softmax)]
    if (weight !== undefined && embeddings !== undefined && !sameBytes(weight, embeddings))
      return E.left({ _tag: 'Corrupt', path, found: `a ${softmax} of its own`, expected: `the values of ${word}` })
    return E.right(new Map([...tensors].filter(([name]) => name !== softmax)))
  }

const asFloats =
  (path: string) =>
  ([name, x]: readonly [string, Stored]): E.Either<StoreError, FloatTensor> => {
    switch (x.dtype) {
      case 'F32':
        return E.right({ ...x, name })
      case 'F16':
        return E.right({ name, dtype: 'F32', shape: x.shape, data: widenF16(x.data) })
      case 'BF16':
        return E.right({ name, dtype: 'F32', shape: x.shape, data: widenBF16(x.data) })
      case 'F64':
      case 'U64':
      case 'I64':
      case 'U32':
      case 'I32':
      case 'U16':
      case 'I16':
      case 'I8':
      case 'U8':
      case 'BOOL':
        return E.left({ _tag: 'Corrupt', path, found: `${name} in ${x.dtype}`, expected: 'F32, F16 or BF16' })
    }
  }

/** A network's tensors, and the names that were none of them. */
export type ReadTensors = { readonly tensors: ReadonlyArray<FloatTensor>; readonly ignored: ReadonlyArray<string> }

/** The tensors of these names and shapes, as f32; names of others are given. */
const readShapes =
  (path: string, shapes: ReadonlyMap<string, Shape>) =>
  (tensors: ReadonlyMap<string, Stored>): E.Either<StoreError, ReadTensors> => {
    const { kept, rest: ignored } = divided(tensors, (name) => shapes.has(name))
    return pipe(
      checkTensors(path, shapes)(kept),
      E.chain((checked) => E.traverseArray(asFloats(path))([...checked])),
      E.map((floats) => ({ tensors: floats, ignored }))
    )
  }

/** A network's body with a head of these names and shapes, whatever else the file holds. */
export const readWithHead =
  (path: string, network: Network, head: ReadonlyMap<string, Shape>) =>
  (tensors: ReadonlyMap<string, Stored>): E.Either<StoreError, ReadTensors> =>
    readShapes(path, new Map([...hfShapes(network, 'encoder'), ...head]))(normalised(tensors))

/**
 * The tensors of a model file as f32, under the names of `hfShapes`. `half` says what is wanted; the body alone is taken
 * from any model. Fails where the file is another half, or where a tensor of the network is missing or of another shape; names
 * that the network does not have are ignored, as transformers does, and given.
 */
export const readHalf =
  (path: string, network: Network, half: Half) =>
  (tensors: ReadonlyMap<string, Stored>): E.Either<StoreError, ReadTensors> => {
    const shapes = hfShapes(network, half)
    const found = normalised(tensors)
    const foundHalf = halfIn([...found.keys()])
    if (half !== 'encoder' && half !== foundHalf)
      return E.left({ _tag: 'WrongHalf', path, found: foundHalf, expected: half })
    const wanted = half === 'encoder' ? new Map([...found].filter(([name]) => !isHead(name))) : found
    return pipe(untied(path)(wanted), E.chain(readShapes(path, shapes)))
  }
