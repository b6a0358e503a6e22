/**
 * Preparations that allocate in a pool's memory, all or nothing: where one fails, what it had allocated goes back.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Memory } from '../../tensor/run/memory/memory.js'
import type { WorkerError } from '../error.js'
import type { Pool } from './pool.js'

type Allocation = { readonly address: number; readonly bytes: number }

/** The memory, and what is allocated in it through this value while `isOpen`. */
const recorded = (memory: Memory, blocks: Array<Allocation>, isOpen: () => boolean): Memory => ({
  ...memory,
  allocate: (bytes) =>
    pipe(
      memory.allocate(bytes),
      E.map((address) => {
        if (isOpen()) blocks.push({ address, bytes })
        return address
      })
    )
})

/** `prepare` on the pool. What it allocates in the pool's memory stays if it succeeds, and else goes back. It frees nothing itself. */
export const allOrNothing =
  <A>(prepare: (pool: Pool) => TE.TaskEither<WorkerError, A>) =>
  (pool: Pool): TE.TaskEither<WorkerError, A> =>
    pipe(
      TE.fromIOEither(pool.memory),
      TE.chain((memory) => async () => {
        const blocks: Array<Allocation> = []
        let isOpen = true
        const during = recorded(memory, blocks, () => isOpen)
        const prepared = await prepare({ ...pool, memory: () => E.Functor.map(pool.memory(), () => during) })()
        isOpen = false
        if (E.isLeft(prepared)) blocks.forEach(({ address, bytes }) => memory.free(address, bytes))
        return prepared
      })
    )
