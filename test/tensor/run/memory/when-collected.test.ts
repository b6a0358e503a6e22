/**
 * Calls for objects that are collected.
 */

import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createMemory } from '../../../../src/tensor/run/memory/memory.js'
import { whenCollected } from '../../../../src/tensor/run/memory/when-collected.js'
import { right } from '../../program/agreement.js'
import { collect, collectUntil } from './collect-garbage.js'

describe('a call for what is collected', () => {
  it('comes, unless it was taken back', async () => {
    const came: Array<string> = []
    const note = (what: string): void => void came.push(what)
    const drop = (): void => {
      whenCollected({}, note, 'first')
      whenCollected({}, note, 'taken back')()
      whenCollected({}, note, 'last')
    }
    drop()
    await collectUntil(() => came.length === 2)
    expect([...came].sort()).toEqual(['first', 'last'])
  })

  it('comes after a memory was dropped with blocks that were about to come back to it', async () => {
    const owned = (bytes: number) => {
      const memory = right(createMemory())
      right(memory.allocateFor({}, bytes))
      return memory
    }
    const held = { memory: [owned(64)] }
    await setImmediate()
    // Within one turn of the event loop: in between, the calls would come.
    collect()
    held.memory.pop()
    collect()
    const { inUse } = owned(6400)
    expect(inUse()).toBe(6400)
    await collectUntil(() => inUse() === 0)
    expect(inUse()).toBe(0)
  })
})
