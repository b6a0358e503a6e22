/**
 * How a page learns that a Web Worker has ended, which nobody tells it: the worker holds a lock for as long as it lives, and
 * whoever waits for the same lock has it when nothing runs in the worker any more.
 */

/** The first message of a worker, once it holds the lock of that name. */
export type Living = { readonly life: string }

export const isLiving = (message: unknown): message is Living =>
  typeof message === 'object' && message !== null && 'life' in message && typeof message.life === 'string'
