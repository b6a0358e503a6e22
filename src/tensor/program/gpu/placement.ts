/**
 * Where the temporaries of a program lie: which of them share a slot, by when they are alive.
 *
 * A slot is a buffer of its own, since no part of a buffer may be written while another part is read. Sizes of slots are of few classes, so
 * that programs which run one after the other can have the same ones.
 */

import type { Dispatch } from './dispatch.js'

export type Placement = {
  /** Bytes of each slot. */
  readonly slots: ReadonlyArray<number>
  /** The slot of each buffer; `undefined` of inputs, outputs and what nothing uses. */
  readonly slotOf: ReadonlyArray<number | undefined>
}

const smallest = 256

/** The smallest class that holds so many bytes: four to a power of two. */
export const sizeClass = (bytes: number): number => {
  if (bytes <= smallest) return smallest
  let quarter = smallest / 4
  while (8 * quarter < bytes) quarter *= 2
  return Math.ceil(bytes / quarter) * quarter
}

/** How much larger than a buffer a slot may be that it is put into. */
const mostWaste = 1.5

/**
 * Slots for the temporaries among buffers of the given bytes: those from `fixed` on. Each lives from the first dispatch that writes it
 * to the last that uses it.
 */
export const placed = (
  bytes: ReadonlyArray<number>,
  fixed: number,
  dispatches: ReadonlyArray<Pick<Dispatch, 'buffers'>>
): Placement => {
  const last = new Map<number, number>()
  dispatches.forEach(({ buffers }, k) => buffers.forEach((buffer) => last.set(buffer, k)))
  const slots: Array<number> = []
  const free = new Set<number>()
  const slotOf = new Array<number | undefined>(bytes.length).fill(undefined)

  const take = (wanted: number): number => {
    const fitting = [...free].filter((slot) => slots[slot] >= wanted && slots[slot] <= wanted * mostWaste)
    const best = fitting.reduce<number | undefined>(
      (found, slot) => (found === undefined || slots[slot] < slots[found] ? slot : found),
      undefined
    )
    if (best === undefined) return slots.push(wanted) - 1
    free.delete(best)
    return best
  }

  dispatches.forEach(({ buffers }, k) => {
    const temporaries = [...new Set(buffers)].filter((buffer) => buffer >= fixed)
    for (const buffer of temporaries) slotOf[buffer] ??= take(sizeClass(bytes[buffer]))
    for (const buffer of temporaries) {
      const slot = slotOf[buffer]
      if (slot !== undefined && last.get(buffer) === k) free.add(slot)
    }
  })
  return { slots, slotOf }
}
