/** What a step of training does to a GPU, counted from its programs: `node bench/gpu/counts.mjs [--help]`. Needs no GPU. */

import { runHere } from './bundle.mjs'

await runHere('counts.ts')
