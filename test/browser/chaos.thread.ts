/** A thread of a pool that is lost by plan. */

import './misbehave.js'
import '../../src/workers/pool/thread.js'
