/**
 * Measures this library beside others in Chromium, on WebGPU: `node bench/gpu/browser.mjs [--small] [--help]`. Installs the peers where they
 * are missing.
 */

import { fileURLToPath } from 'node:url'
import { installPeers } from '../install.mjs'
import { runHere } from './bundle.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

if (!process.argv.includes('--help')) installPeers()
const { main } = await runHere('browser/main.ts')
await main({ root: path('../../'), bench: path('../'), page: path('browser/'), out: path('results') })
