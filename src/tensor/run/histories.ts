/**
 * Whose turn it is: states from their beginnings through all their steps, each known by the one handle that may be used.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { DeviceBuffers } from './device.js'
import type { StepError } from './step-error.js'

/** A state that lives on the device, until it is consumed, released or dropped. A name for it, not the values: `read` copies those. */
export type Handle<State> = { readonly _tag: 'Handle'; readonly structure: State }

/** A state, and where it lies now. A handle that is dropped drops its history, and that the buffers. */
export type History<State> = {
  /** `undefined` while a step is under way. */
  current: Handle<State> | undefined
  buffers: DeviceBuffers
  isReleased: boolean
}

/** All states of one compiled step. */
export type Histories<State> = {
  /** A new state, which lies in these buffers. */
  readonly begin: (buffers: DeviceBuffers) => Handle<State>
  /** The state whose turn it is by this handle. */
  readonly find: (handle: Handle<State>) => E.Either<StepError, History<State>>
  /** The next handle: from here on the only one. */
  readonly issue: (history: History<State>) => Handle<State>
  /** Gives the buffers of a handle's state back, whatever has become of it by any number of steps. */
  readonly end: (handle: Handle<State>) => void
  readonly endAll: IO<void>
}

const end = (history: History<unknown>): void => {
  if (history.isReleased) return
  history.isReleased = true
  history.buffers.release()
}

export const historiesOf = <State>(structure: State): Histories<State> => {
  const histories = new WeakMap<Handle<State>, History<State>>()
  const begun = new Set<WeakRef<History<State>>>()

  const issue = (history: History<State>): Handle<State> => {
    const handle: Handle<State> = { _tag: 'Handle', structure }
    history.current = handle
    histories.set(handle, history)
    return handle
  }
  return {
    issue,
    begin: (buffers) => {
      const history: History<State> = { current: undefined, buffers, isReleased: false }
      for (const known of begun) if (known.deref() === undefined) begun.delete(known)
      begun.add(new WeakRef(history))
      return issue(history)
    },
    find: (handle) => {
      const history = histories.get(handle)
      if (history?.isReleased === true) return E.left({ _tag: 'Released', what: 'state' })
      return history?.current === handle ? E.right(history) : E.left({ _tag: 'HandleConsumed' })
    },
    end: (handle) => {
      const history = histories.get(handle)
      if (history !== undefined) end(history)
    },
    endAll: () => {
      for (const known of begun) {
        const history = known.deref()
        if (history !== undefined) end(history)
      }
    }
  }
}
