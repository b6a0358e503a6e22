import { Worker } from 'node:worker_threads'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesPerElement, dtypes } from '../../../../src/tensor/dtype.js'
import { showDeviceError } from '../../../../src/tensor/run/device.js'
import { attachMemory, createMemory, lazyMemory, type Memory } from '../../../../src/tensor/run/memory/memory.js'
import { built } from '../../../built.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const gibibyte = 2 ** 30
const pageBytes = 2 ** 16

/** What a block takes: whole units of 64 bytes. */
const taken = (bytes: number): number => Math.ceil(bytes / 64) * 64

type Block = { readonly address: number; readonly bytes: number }

const bytesOf = (memory: Memory, { address, bytes }: Block): Uint8Array =>
  memory.view('bool', address, bytes) as Uint8Array

const isAll = (value: number, data: Uint8Array): boolean => data.every((x) => x === value)

const overlaps = (blocks: ReadonlyArray<Block>): boolean => {
  const sorted = blocks.filter(({ bytes }) => bytes > 0).sort((a, b) => a.address - b.address)
  return sorted.some(({ address }, i) => i > 0 && address < sorted[i - 1].address + sorted[i - 1].bytes)
}

/** Allocate so many bytes, or give back the block at that place of those held; sizes on both sides of a page. */
const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ allocate: fc.oneof(fc.nat(300), fc.nat(3 * pageBytes)) }) },
  { weight: 2, arbitrary: fc.record({ free: fc.nat(1000) }) }
)

describe.each([
  ['shared', true],
  ['unshared', false]
])('a memory that is %s', (_, shared) => {
  it('gives zeroed blocks at multiples of 64 that never overlap, and takes them back', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const memory = right(createMemory({ shared }))
        const held: Array<Block & { readonly fill: number }> = []
        actions.forEach((act, i) => {
          if ('allocate' in act) {
            const block = { address: right(memory.allocate(act.allocate)), bytes: act.allocate }
            expect(block.address % 64).toBe(0)
            expect(block.address).toBeGreaterThan(0)
            expect(isAll(0, bytesOf(memory, block))).toBe(true)
            const fill = 1 + (i % 255)
            bytesOf(memory, block).fill(fill)
            held.push({ ...block, fill })
          } else if (held.length > 0) {
            const [{ address, bytes }] = held.splice(act.free % held.length, 1)
            memory.free(address, bytes)
          }
          expect(overlaps(held)).toBe(false)
          expect(memory.inUse()).toBe(held.reduce((n, { bytes }) => n + taken(bytes), 0))
        })
        for (const block of held) {
          const data = bytesOf(memory, block)
          expect(isAll(block.fill, data)).toBe(true)
          expect(memory.addressOf(data)).toBe(block.address)
        }
        // Given back in whatever order, all of it is one again.
        const first = right(createMemory({ shared })).allocate(1)
        held.forEach(({ address, bytes }) => memory.free(address, bytes))
        expect(memory.allocate(1)).toEqual(first)
      })
    )
  })

  it('is addressed by views of every dtype, and knows where each lies', () => {
    const memory = right(createMemory({ shared }))
    for (const floats of ['float32', 'float64'] as const)
      for (const dtype of dtypes) {
        const address = right(memory.allocate(5 * bytesPerElement(dtype, floats)))
        const data = memory.view(dtype, address, 5, floats)
        expect(data.BYTES_PER_ELEMENT).toBe(bytesPerElement(dtype, floats))
        expect(data).toHaveLength(5)
        expect(memory.addressOf(data)).toBe(address)
        expect(memory.addressOf(data.subarray(2))).toBe(address + 2 * data.BYTES_PER_ELEMENT)
      }
    expect(memory.addressOf(new Float32Array(5))).toBeUndefined()
    expect(right(createMemory({ shared })).addressOf(memory.view('f32', 64, 5))).toBeUndefined()
  })

  it('refuses what goes beyond 4 GiB, says what it has, and goes on', () => {
    const memory = right(createMemory({ shared }))
    right(memory.allocate(100))
    const refused = memory.allocate(5 * gibibyte)
    expect(refused).toEqual(
      E.left({ _tag: 'OutOfMemory', wanted: 5 * gibibyte, inUse: taken(100), limit: 4 * gibibyte })
    )
    expect(E.isLeft(refused) && showDeviceError(refused.left)).toBe(
      'memory: 5.4 GB wanted with 128 bytes in use, of 4.3 GB at most'
    )
    expect(memory.inUse()).toBe(taken(100))
    expect(isAll(0, bytesOf(memory, { address: right(memory.allocate(100)), bytes: 100 }))).toBe(true)
  })

  it('can be given out to its last unit, and not one more', () => {
    const memory = right(createMemory({ shared }))
    const most = 4 * gibibyte - 64
    expect(E.isLeft(memory.allocate(most + 1))).toBe(true)
    const address = right(memory.allocate(most))
    const last = memory.view('u32', 4 * gibibyte - 4, 1)
    last[0] = 7
    expect(memory.addressOf(last)).toBe(4 * gibibyte - 4)
    expect(memory.allocate(1)).toMatchObject(E.left({ inUse: most, limit: 4 * gibibyte }))
    expect(memory.wasm.buffer.byteLength).toBe(address + most)
  })
})

describe('a memory', () => {
  it('joins neighbours that were given back', () => {
    const memory = right(createMemory())
    const [a, b, c, kept] = [100, 200, 300, 1].map((bytes) => right(memory.allocate(bytes)))
    memory.free(a, 100)
    memory.free(c, 300)
    memory.free(b, 200)
    expect(right(memory.allocate(kept - a))).toBe(a)
  })

  it('takes the first free block that is long enough, and keeps the rest of it', () => {
    const memory = right(createMemory())
    const [a, , c] = [64, 64, 256, 64].map((bytes) => right(memory.allocate(bytes)))
    memory.free(a, 64)
    memory.free(c, 256)
    expect(right(memory.allocate(128))).toBe(c)
    expect(right(memory.allocate(64))).toBe(a)
    expect(right(memory.allocate(128))).toBe(c + 128)
  })

  it('throws where a block is given back twice', () => {
    const memory = right(createMemory())
    const [a] = [200, 64].map((bytes) => right(memory.allocate(bytes)))
    memory.free(a, 200)
    expect(() => memory.free(a, 200)).toThrow('given back twice')
  })

  it('that is shared keeps its views when it grows: those from before and after it see the same bytes', () => {
    const memory = right(createMemory())
    const address = right(memory.allocate(400))
    const before = memory.view('i32', address, 100)
    right(memory.allocate(20 * pageBytes))
    const after = memory.view('i32', address, 100)
    expect(after.buffer).not.toBe(before.buffer)
    before[0] = 5
    after[99] = 6
    expect(after).toEqual(before)
    expect([before, after].map(memory.addressOf)).toEqual([address, address])
  })

  it('that is not shared loses its views when it grows, and says that they lie nowhere', () => {
    const memory = right(createMemory({ shared: false }))
    const address = right(memory.allocate(400))
    const before = memory.view('i32', address, 100)
    before[99] = 6
    right(memory.allocate(20 * pageBytes))
    expect(before).toHaveLength(0)
    expect(memory.addressOf(before)).toBeUndefined()
    expect(memory.view('i32', address, 100)[99]).toBe(6)
  })

  it('refuses what the machine does not give, here a memory made with room for three pages', () => {
    const memory = attachMemory(new WebAssembly.Memory({ initial: 1, maximum: 3, shared: true }))
    right(memory.allocate(2 * pageBytes))
    expect(memory.allocate(pageBytes)).toEqual(
      E.left({ _tag: 'OutOfMemory', wanted: pageBytes, inUse: 2 * pageBytes, limit: 3 * pageBytes })
    )
    expect(E.isRight(memory.allocate(pageBytes - 64))).toBe(true)
  })

  it('is made lazily once, or is the one that was given', () => {
    const memory = lazyMemory()
    expect(right(memory())).toBe(right(memory()))
    const given = right(createMemory())
    expect(right(lazyMemory(given)())).toBe(given)
  })
})

describe('threads on one memory', () => {
  it('keep to themselves what they give back, except where the memory is given out up to there', () => {
    const one = right(createMemory())
    const two = attachMemory(one.wasm)
    const [low, high] = [right(one.allocate(64)), right(one.allocate(128))]
    one.free(low, 64)
    expect(right(two.allocate(64))).toBe(high + 128)
    expect(right(one.allocate(64))).toBe(low)
    two.free(high + 128, 64)
    one.free(high, 128)
    expect(right(two.allocate(64))).toBe(high)
    expect(one.inUse()).toBe(128)
  })

  const rounds = 600
  const threads = 2

  /** The blocks that a thread holds in the end, having filled each with its number. */
  const thread = (id: number, wasm: WebAssembly.Memory, arrived: SharedArrayBuffer): Promise<ReadonlyArray<Block>> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./entries/allocates.mjs', import.meta.url), {
        workerData: { memory: built('tensor/run/memory/memory.js').href, wasm, id, rounds, threads, arrived }
      })
      worker.once('message', resolve)
      worker.once('error', reject)
    })

  it('get blocks that never overlap, though they allocate at once and the memory grows under them', async () => {
    const memory = right(createMemory())
    const arrived = new SharedArrayBuffer(4)
    const mine = { address: right(memory.allocate(1000)), bytes: 1000 }
    bytesOf(memory, mine).fill(9)
    const held = await Promise.all([1, 2].map((id) => thread(id, memory.wasm, arrived)))
    const late = { address: right(memory.allocate(1000)), bytes: 1000 }
    expect(overlaps([...held.flat(), mine, late])).toBe(false)
    held.forEach((blocks, i) => {
      expect(blocks).toHaveLength((2 * rounds) / 3)
      // Allocated where the memory had grown in another thread, and seen from here.
      expect(blocks.every((block) => isAll(i + 1, bytesOf(memory, block)))).toBe(true)
    })
    expect(isAll(9, bytesOf(memory, mine))).toBe(true)
    expect(isAll(0, bytesOf(memory, late))).toBe(true)
  })
})
