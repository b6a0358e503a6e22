/**
 * Making the engine collect what nobody holds, where memory of another kind than its own has run out.
 *
 * JavaScript has no call for it. But an engine that is asked for more than there is looks for what it can let go of before it refuses:
 * V8 (Node, Chromium) collects everything, at once, and then throws. It takes as long as a full collection does, tens of
 * milliseconds and more where the heap is large. Where an engine does otherwise nothing is lost: what is dropped then comes back when the
 * engine collects by itself.
 */

import * as E from 'fp-ts/lib/Either.js'

/** More bytes than there are, and what Chromium, which refuses those unseen, has not either. Nothing is written to them. */
const tooMany = [2 ** 50, 2 ** 34]

/** Collects what nothing holds, now. What a weak reference was asked for, or made for, in this very job is still held. */
export const collectGarbage = (): void =>
  tooMany.forEach((bytes) =>
    E.tryCatch(
      () => new ArrayBuffer(bytes),
      () => undefined
    )
  )
