import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { allOrNothing } from '../../../src/workers/pool/all-or-nothing.js'
import { inProcess } from '../../../src/workers/pool/in-process.js'
import { allocateSlots } from '../../../src/workers/pool/memory.js'
import type { Pool } from '../../../src/workers/pool/pool.js'

const taking =
  (...sizes: ReadonlyArray<number>) =>
  (pool: Pool) =>
    pipe(
      TE.fromIOEither(pool.memory),
      TE.chain((memory) =>
        TE.traverseSeqArray((size: number) =>
          TE.fromIOEither(allocateSlots(memory, 'float32', { shape: [size], dtype: 'f32' }))
        )(sizes)
      )
    )

describe('preparing all or nothing', () => {
  it('keeps what was allocated by what succeeds, and gives back what was allocated by what fails', async () => {
    const pool = inProcess(reference({ floats: 'float32' }))
    const inUse = (): number =>
      pipe(
        pool.memory(),
        E.match(
          () => -1,
          (memory) => memory.inUse()
        )
      )
    expect(E.isRight(await allOrNothing(taking(16, 32))(pool)())).toBe(true)
    expect(inUse()).toBe(192)
    expect(await allOrNothing(taking(16, 32, 2 ** 31))(pool)()).toMatchObject(E.left({ _tag: 'OutOfMemory' }))
    expect(inUse()).toBe(192)
  })
})
