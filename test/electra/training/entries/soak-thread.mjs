// A worker thread that is the built one, and says what it holds whenever `held` is asked for.
import { held } from './held.mjs'
import '../../../../dist/workers/pool/thread.js'

const channel = new BroadcastChannel('held')
channel.onmessage = ({ data: step }) => channel.postMessage({ step, ...held() })
channel.unref()
