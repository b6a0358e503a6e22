/**
 * Where things are. These modules run as `bench/node_modules/.cache/*.mjs`.
 */

import { fileURLToPath } from 'node:url'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The shipped text. */
export const sampleText = at('../../../data/sample')

/** A script of `bench/peers/`. */
export const peerScript = (name: string): string => at(`../../peers/${name}`)

/** The module for measurements that need a process of their own. */
export const freshModule = at('./fresh.mjs')

/** Where worker threads start: the build. */
export const threadModule = new URL('../../../dist/workers/pool/thread.js', import.meta.url)
