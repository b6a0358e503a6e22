/**
 * Weights that a run starts from instead of drawing its own: those of a finished run, or of a Hugging Face model directory.
 *
 * Everything that the directory holds is taken: the discriminator, the generator, or an encoder's body. A network that it
 * lacks is drawn as ever. Of a position table the rows that both have are taken and the others drawn. The optimiser's state
 * and the schedule begin anew.
 */

import { basename } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { isParameterSpec } from '../../../nn/index.js'
import type { NamedStored } from '../../../tensor/stored.js'
import { entries } from '../../../tensor/tree.js'
import type { ElectraConfig } from '../../config/config.js'
import type { Vocabulary } from '../../data/vocabulary/vocabulary.js'
import { runNames, type Exported } from '../../objective/exported.js'
import type { Objective } from '../../objective/objective.js'
import type { Half, StoreError } from '../errors.js'
import { networkOf, type Network } from './hf-config.js'
import type { FloatTensor } from './hf-tensors.js'
import { readVocabulary, vocabularyFile } from './hf-tokenizer-files.js'
import { importModel } from './model-files.js'
import { modelsOfRun } from './run-models.js'

/** A network of a model directory. */
export type LoadedNetwork = {
  readonly directory: string
  readonly half: Half
  readonly network: Network
  readonly tensors: ReadonlyArray<FloatTensor>
}

/** Arrays under the names of a run's parameters. A position table may have another number of rows than the run's. */
export type InitialWeights = {
  readonly tensors: ReadonlyArray<FloatTensor>
  readonly from: ReadonlyArray<LoadedNetwork>
}

const corrupt = (path: string, found: string, expected: string): StoreError => ({
  _tag: 'Corrupt',
  path,
  found,
  expected
})

// -------------------------------------------------------------------- what fits

/** What must agree for weights to mean the same; the number of positions need not. */
const sizes = [
  'vocabSize',
  'embeddingSize',
  'hiddenSize',
  'layers',
  'heads',
  'feedForwardSize',
  'typeVocabSize'
] as const satisfies ReadonlyArray<keyof Network>

const expectSizes = (
  { directory, network }: LoadedNetwork,
  { name, ...exported }: Exported,
  { config, vocabSize }: Receiver
): E.Either<StoreError, void> => {
  const mine = networkOf(config, vocabSize, { name, ...exported })
  const differing = sizes.filter((key) => network[key] !== mine[key])
  const listed = (n: Network): string => differing.map((key) => `${key} ${n[key]}`).join(', ')
  return differing.length === 0
    ? E.right(undefined)
    : E.left(corrupt(directory, listed(network), `the ${name} of this run: ${listed(mine)}`))
}

/** The run that starts from given weights. */
export type Receiver = {
  readonly config: ElectraConfig
  readonly vocabSize: number
  readonly objective: Pick<Objective, 'exports' | 'parameters'>
}

/**
 * The network of a run that a loaded one becomes: of its own kind, and of its name where there are several; or the main one, which
 * then takes its body.
 */
const roleOf = ({ directory, half }: LoadedNetwork, { exports }: Pick<Objective, 'exports'>): Exported => {
  const alike = exports.filter((exported) => exported.half === half)
  return alike.find(({ name }) => name === basename(directory)) ?? alike.at(0) ?? exports[0]
}

const isBody = (name: string): boolean => name.startsWith('electra.')

/** A network's tensors under the names that they have in the run. */
const renamed = (network: LoadedNetwork, objective: Receiver['objective']): ReadonlyArray<FloatTensor> => {
  const role = roleOf(network, objective)
  const tensors = network.tensors.filter(({ name }) => role.half === network.half || isBody(name))
  const there = new Set(entries(isParameterSpec, objective.parameters).map(([path]) => path))
  const names = runNames(
    role,
    tensors.map(({ name }) => name),
    (name) => there.has(name)
  )
  return tensors.flatMap((x) => {
    const name = names.get(x.name)
    return name === undefined ? [] : [{ ...x, name }]
  })
}

/** What a run takes of these networks. Fails where one has other sizes than the run's. */
export const weightsFor =
  (receiver: Receiver) =>
  (networks: ReadonlyArray<LoadedNetwork>): E.Either<StoreError, InitialWeights> => {
    const { objective } = receiver
    const isOfItsOwn = (network: LoadedNetwork): boolean => roleOf(network, objective).half === network.half
    const hasRival = (network: LoadedNetwork): boolean =>
      networks.some((x) => isOfItsOwn(x) && roleOf(x, objective) === roleOf(network, objective))
    // A head is worth more than another network's body.
    const from = networks.filter((network) => isOfItsOwn(network) || !hasRival(network))
    // What networks share is the main one's.
    const mainLast = [...from].sort((a, b) => Number(isMain(a, objective)) - Number(isMain(b, objective)))
    return pipe(
      from,
      E.traverseArray((network) => expectSizes(network, roleOf(network, objective), receiver)),
      E.map(() => ({
        from,
        tensors: [
          ...new Map(mainLast.flatMap((network) => renamed(network, objective)).map((x) => [x.name, x])).values()
        ]
      }))
    )
  }

const isMain = (network: LoadedNetwork, objective: Receiver['objective']): boolean =>
  roleOf(network, objective) === objective.exports[0]

const taken = (drawn: NamedStored, given: FloatTensor | undefined): NamedStored => {
  if (given === undefined || drawn.dtype !== 'F32') return drawn
  const data = Float32Array.from(drawn.data)
  data.set(given.data.subarray(0, data.length))
  return { ...drawn, data }
}

/** Drawn parameters with those given in their places: rows that only one of two position tables has stay as drawn. */
export const withInitial =
  (tensors: ReadonlyArray<FloatTensor>) =>
  (params: ReadonlyArray<NamedStored>): ReadonlyArray<NamedStored> => {
    const given = new Map(tensors.map((x) => [x.name, x]))
    return params.map((p) => taken(p, given.get(p.name)))
  }

// ---------------------------------------------------------------------- reading

/** The network of a model directory, whichever it is. */
const loadNetwork = (directory: string): TE.TaskEither<StoreError, LoadedNetwork> => {
  const as = (half: Half): TE.TaskEither<StoreError, LoadedNetwork> =>
    pipe(
      importModel(directory, half),
      TE.map((files) => ({ directory, half, ...files }))
    )
  return pipe(
    as('discriminator'),
    TE.orElse((e) => (e._tag === 'WrongHalf' ? as(e.found) : TE.left(e)))
  )
}

/** Fails where the directory's vocabulary, if it has one, gives an id to another piece than the corpus does. */
const expectVocabulary = (directory: string, corpus: Vocabulary): TE.TaskEither<StoreError, void> => {
  const compare =
    (path: string) =>
    ({ pieces }: Vocabulary): E.Either<StoreError, void> => {
      const id = corpus.pieces.findIndex((piece, i) => piece !== pieces[i])
      const found = id === -1 ? `${pieces.length} pieces` : `${JSON.stringify(pieces[id] ?? 'nothing')} with id ${id}`
      const expected = id === -1 ? `${corpus.pieces.length}` : JSON.stringify(corpus.pieces[id])
      return id === -1 && pieces.length === corpus.pieces.length
        ? E.right(undefined)
        : E.left(corrupt(path, found, `${expected}, as in the corpus: build the corpus with --vocab ${path}`))
    }
  return pipe(
    vocabularyFile(directory),
    TE.chainW((path) =>
      path === undefined ? TE.right(undefined) : pipe(readVocabulary(path), TE.chainEitherK(compare(path)))
    )
  )
}

/** Reads what a run on a corpus of this vocabulary takes from a directory. */
export const readInitialWeights = (
  directory: string,
  receiver: Receiver,
  vocabulary: Vocabulary
): TE.TaskEither<StoreError, InitialWeights> =>
  pipe(
    modelsOfRun(directory),
    TE.map((models) => (models.length > 0 ? models : [directory])),
    TE.chainFirst(TE.traverseSeqArray((model) => expectVocabulary(model, vocabulary))),
    TE.chain(TE.traverseSeqArray(loadNetwork)),
    TE.chainEitherK(weightsFor(receiver))
  )

/** What is drawn of a network of the run, given the loaded ones. */
const drawnOf = (exported: Exported, { objective }: Receiver, from: InitialWeights['from']): ReadonlyArray<string> => {
  const given = from.filter((network) => roleOf(network, objective) === exported)
  if (given.some(({ half }) => half === exported.half)) return []
  const isBodyGiven = given.length > 0
  return [`the ${exported.name}'s ${isBodyGiven ? 'head is' : 'layers are'} drawn`]
}

/** Exactly what is taken, in a line. */
export const showInitialWeights = (
  directory: string,
  receiver: Receiver,
  { from, tensors }: InitialWeights
): string => {
  const parameters = tensors.reduce((n, { data }) => n + data.length, 0)
  const [{ network }] = from
  const [rows, wanted] = [network.maxPositions, receiver.config.model.maxPositions]
  return [
    `starts from ${directory}: ${from.map(({ half }) => half).join(' and ')}, ${parameters.toLocaleString('en')} parameters`,
    ...receiver.objective.exports.flatMap((exported) => drawnOf(exported, receiver, from)),
    ...(rows === wanted
      ? []
      : [rows < wanted ? `positions ${rows} to ${wanted - 1} are drawn` : `positions from ${wanted} on are left out`]),
    'optimiser and schedule begin anew'
  ].join('; ')
}
