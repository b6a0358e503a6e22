import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { bytesPerElement, type Data } from '../../../src/tensor/dtype.js'
import type { WorkerError } from '../../../src/workers/error.js'
import { exchange, spansOf } from '../../../src/workers/ranks/exchange.js'
import { layOut, type Place } from '../../../src/workers/pool/layout.js'
import { solo } from '../../../src/workers/ranks/ranks.js'

/** Everything that waits for something that has happened goes on. */
const settled = (): Promise<void> => new Promise((resume) => setImmediate(resume))

/** The numbers of 0 to n - 1 in any order. */
const order = fc.nat({ max: 6 }).chain((n) => fc.shuffledSubarray([...Array(n).keys()], { minLength: n, maxLength: n }))

const bucketsOf = (n: number): ReadonlyArray<readonly [Int32Array]> =>
  Array.from({ length: n }, (_, i) => [Int32Array.of(i)])

describe('an exchange', () => {
  it('begins with every bucket once, in their order, as soon as it and all before it are ready', () =>
    fc.assert(
      fc.asyncProperty(order, async (arriving) => {
        const begun: Array<number> = []
        const beginSum =
          ([[bucket]]: ReadonlyArray<Data>) =>
          () => {
            begun.push(bucket)
            return TE.right(undefined)
          }
        const run = exchange({ ...solo, beginSum }, bucketsOf(arriving.length))()
        const ready = new Set<number>()
        for (const bucket of arriving) {
          run.ready(bucket)
          run.ready(bucket)
          ready.add(bucket)
          const missing = arriving.map((_, i) => i).find((i) => !ready.has(i)) ?? arriving.length
          expect(begun).toEqual([...Array(missing).keys()])
        }
        expect(await run.summed()).toEqual(E.right(undefined))
      })
    ))

  it('waits for all of them, or for the first that fails', async () => {
    const failure: WorkerError = { _tag: 'FailedElsewhere', rank: 1 }
    const settle: Array<(answer: E.Either<WorkerError, void>) => void> = []
    const beginSum = () => () => {
      const answer = new Promise<E.Either<WorkerError, void>>((resolve) => settle.push(resolve))
      return () => answer
    }
    const { ready, summed } = exchange({ ...solo, beginSum }, bucketsOf(3))()
    for (const bucket of [0, 1, 2]) ready(bucket)
    let answer: unknown
    void summed().then((given) => {
      answer = given
    })
    settle[0](E.right(undefined))
    await settled()
    expect(answer).toBeUndefined()
    settle[1](E.left(failure))
    await settled()
    expect(answer).toEqual(E.left(failure))
  })
})

const specs = fc.array(
  fc.record({
    dtype: fc.constantFrom('f32' as const, 'i32' as const, 'u32' as const),
    shape: fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 2 })
  }),
  { maxLength: 12 }
)

describe('spans', () => {
  it.each(['float32', 'float64'] as const)(
    'of the slots of one block hold each slot whole, and are no more than there are changes of type, in %s',
    (floats) =>
      fc.assert(
        fc.property(specs, (tree) => {
          const slots: ReadonlyArray<Place> = layOut(floats, tree).places
          const spans = spansOf(floats, slots)
          const changes = slots.filter(({ dtype }, i) => i === 0 || dtype !== slots[i - 1].dtype)
          expect(spans.map(({ dtype }) => dtype)).toEqual(changes.map(({ dtype }) => dtype))
          const endOf = ({ dtype, offset, size }: Place): number => offset + size * bytesPerElement(dtype, floats)
          let at = 0
          for (const [i, slot] of slots.entries()) {
            if (i > 0 && slot.dtype !== slots[i - 1].dtype) at++
            expect(slot.offset).toBeGreaterThanOrEqual(spans[at].offset)
            expect(endOf(slot)).toBeLessThanOrEqual(endOf(spans[at]))
          }
          // Nothing of one span in another.
          spans.slice(1).forEach((span, i) => expect(span.offset).toBeGreaterThanOrEqual(endOf(spans[i])))
        })
      )
  )

  it('do not join what others may stand between', () => {
    const slots = [0, 128, 64].map((offset) => ({ dtype: 'f32', offset, size: 1 }) as const)
    expect(spansOf('float32', slots)).toEqual(slots)
  })
})
