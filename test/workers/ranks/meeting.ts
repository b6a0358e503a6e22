/**
 * Ranks without processes: all of them in this one, and whatever they do together is done when the last one has come.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../../../src/tensor/dtype.js'
import type { WorkerError } from '../../../src/workers/error.js'
import type { Ranks } from '../../../src/workers/ranks/ranks.js'

type Arrival = {
  readonly what: string
  readonly arrays: ReadonlyArray<Data>
  readonly settle: (answer: E.Either<WorkerError, void>) => void
}

const ended = (rank: number): E.Either<WorkerError, never> => E.left({ _tag: 'FailedElsewhere', rank })

/** Which types and lengths: what every rank must bring alike. */
const showArrays = (arrays: ReadonlyArray<Data>): string =>
  arrays.map(({ constructor: { name }, length }) => `${name} ${length}`).join(', ')

/** The sum of `terms` in their order, each rounded as its array stores it. */
export const sumInOrder = (terms: ReadonlyArray<Data>): Data => {
  const sum = terms[0].slice()
  for (const term of terms.slice(1)) for (let i = 0; i < sum.length; i++) sum[i] += term[i]
  return sum
}

export type Meeting = {
  readonly members: ReadonlyArray<Ranks>
  /** What has been done together so far. */
  readonly meetings: ReadonlyArray<string>
}

/** `ranks` of them. Sums are taken in the order of the ranks; once one has aborted, nobody does anything together any more. */
export const meeting = (ranks: number): Meeting => {
  /** Of each rank, what it came for and the others have not yet all come for. */
  const arrivals = Array.from({ length: ranks }, (): Array<Arrival> => [])
  const meetings: Array<string> = []
  let aborted: number | undefined

  const meet = (act: (all: ReadonlyArray<ReadonlyArray<Data>>) => void): void => {
    const all = arrivals.flatMap((waiting) => waiting.shift() ?? [])
    const [{ what }] = all
    if (all.some((arrival) => arrival.what !== what))
      throw new Error(`ranks met for different things: ${all.map((arrival) => arrival.what).join(' and ')}`)
    meetings.push(what)
    act(all.map(({ arrays }) => arrays))
    all.forEach(({ settle }) => settle(E.right(undefined)))
  }

  const call =
    (rank: number, name: string, act: (all: ReadonlyArray<ReadonlyArray<Data>>) => void) =>
    (arrays: ReadonlyArray<Data>): IO<TE.TaskEither<WorkerError, void>> =>
    () => {
      const answer = new Promise<E.Either<WorkerError, void>>((settle) => {
        if (aborted !== undefined) {
          settle(ended(aborted))
          return
        }
        arrivals[rank].push({ what: `${name} ${showArrays(arrays)}`, arrays, settle })
        if (arrivals.every((waiting) => waiting.length > 0)) meet(act)
      })
      return () => answer
    }

  const sumAll = (all: ReadonlyArray<ReadonlyArray<Data>>): void =>
    all[0].forEach((_, i) => {
      const sum = sumInOrder(all.map((arrays) => arrays[i]))
      all.forEach((arrays) => arrays[i].set(sum))
    })

  const copyFirst = ([first, ...others]: ReadonlyArray<ReadonlyArray<Data>>): void =>
    others.forEach((arrays) => arrays.forEach((array, i) => array.set(first[i])))

  return {
    meetings,
    members: Array.from({ length: ranks }, (_, rank) => ({
      rank,
      ranks,
      beginSum: call(rank, 'sum', sumAll),
      sum: (arrays) => TE.flatten(TE.fromIO(call(rank, 'sum', sumAll)(arrays))),
      broadcast: (arrays) => TE.flatten(TE.fromIO(call(rank, 'broadcast', copyFirst)(arrays))),
      abort: () => () => {
        aborted ??= rank
        arrivals.flatMap((waiting) => waiting.splice(0)).forEach(({ settle }) => settle(ended(aborted ?? rank)))
      },
      release: () => Promise.resolve()
    }))
  }
}

/** What each of `ranks` ranks comes to, all at once. */
export const onRanks = <A>(ranks: number, use: (ranks: Ranks) => Promise<A>): Promise<ReadonlyArray<A>> =>
  Promise.all(meeting(ranks).members.map(use))
