/**
 * Where arrays begin in memory.
 */

/** At multiples of a cache line, in bytes: that is also what vector loads and GPU bindings like. */
export const alignment = 64

/** Up to a whole number of them. */
export const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment
