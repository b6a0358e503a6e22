/**
 * Where arrays begin in memory.
 */

/** At multiples of a cache line, in bytes: that is also what vector loads and GPU bindings like. */
export const alignment = 64

/** Up to a multiple. */
export const alignedTo =
  (multiple: number) =>
  (bytes: number): number =>
    Math.ceil(bytes / multiple) * multiple

export const aligned = alignedTo(alignment)
