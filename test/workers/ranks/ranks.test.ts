/**
 * What ranks can do together, on ranks that meet in this process, and on one alone.
 */

import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import type { WorkerError } from '../../../src/workers/error.js'
import { anyRank, shareBytes, solo, together } from '../../../src/workers/ranks/ranks.js'
import { onRanks } from './meeting.js'

const flags = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 })

describe('anyRank', () => {
  it('is true on every rank where some rank says so, and else false on every rank', () =>
    fc.assert(
      fc.asyncProperty(flags, async (said) => {
        const heard = await onRanks(said.length, (ranks) => anyRank(ranks)(said[ranks.rank])())
        expect(heard).toEqual(said.map(() => E.right(said.includes(true))))
      })
    ))
})

describe('together', () => {
  it('gives what each rank made, or the error of the first that failed there and its number elsewhere', () =>
    fc.assert(
      fc.asyncProperty(flags, async (fails) => {
        const own = (rank: number): TE.TaskEither<string, number> =>
          fails[rank] ? TE.left(`of ${rank}`) : TE.right(rank)
        const ended = await onRanks(fails.length, (ranks) => together(ranks)(own(ranks.rank))())
        const first = fails.indexOf(true)
        expect(ended).toEqual(
          fails.map((_, rank): E.Either<string | WorkerError, number> => {
            if (first < 0) return E.right(rank)
            return E.left(rank === first ? `of ${rank}` : { _tag: 'FailedElsewhere', rank: first })
          })
        )
      })
    ))
})

describe('shareBytes', () => {
  it('gives every rank the bytes of rank 0, however many it has itself', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 4 }), async (bytes) => {
        const shared = await onRanks(bytes.length, (ranks) => shareBytes(ranks)(bytes[ranks.rank])())
        expect(shared).toEqual(bytes.map(() => E.right(bytes[0])))
      })
    ))
})

describe('one rank alone', () => {
  it('has only itself to ask', async () => {
    const mine = [Float32Array.of(1, 2), Int32Array.of(3)]
    await solo.sum(mine)()
    await solo.broadcast(mine)()
    expect(mine).toEqual([Float32Array.of(1, 2), Int32Array.of(3)])
    expect(await anyRank(solo)(true)()).toEqual(E.right(true))
    expect(await anyRank(solo)(false)()).toEqual(E.right(false))
    expect(await together(solo)(TE.left('no'))()).toEqual(E.left('no'))
    expect(await together(solo)(TE.right(1))()).toEqual(E.right(1))
  })
})
