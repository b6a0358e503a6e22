/**
 * A Node port or worker as the event target that comlink wants. comlink's own adapter does the same but has no types
 * under `NodeNext`. Nothing is transferred: arrays are shared.
 */

import type { Endpoint } from 'comlink'

export type Port = {
  readonly postMessage: (message: unknown) => void
  readonly on: (event: 'message', listener: (data: unknown) => void) => unknown
  readonly off: (event: 'message', listener: (data: unknown) => void) => unknown
}

export const endpointOf = (port: Port): Endpoint => {
  const listeners = new Map<EventListenerOrEventListenerObject, (data: unknown) => void>()
  return {
    postMessage: (message: unknown) => port.postMessage(message),
    addEventListener: (_, listener) => {
      const receive = (data: unknown): void => {
        const event = new MessageEvent('message', { data })
        if ('handleEvent' in listener) listener.handleEvent(event)
        else listener(event)
      }
      port.on('message', receive)
      listeners.set(listener, receive)
    },
    removeEventListener: (_, listener) => {
      const receive = listeners.get(listener)
      if (receive === undefined) return
      port.off('message', receive)
      listeners.delete(listener)
    }
  }
}
