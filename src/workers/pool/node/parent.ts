/** A thread of Node.js, seen from within. */

import { parentPort } from 'node:worker_threads'
import type { ParentEndpoint } from '../platform.js'
import { endpointOf } from './endpoint.js'

export const parentEndpoint: ParentEndpoint = () => {
  if (parentPort === null) throw new Error('this module is the entry of a worker thread; it was loaded outside one')
  return endpointOf(parentPort)
}
