/**
 * The built package, for tests that start threads or processes: those run JavaScript, not the sources beside them.
 */

import { existsSync } from 'node:fs'

/** The URL of a file of the build, such as `workers/pool/thread.js`. Fails where it has not been built. */
export const built = (path: string): URL => {
  const url = new URL(`../dist/${path}`, import.meta.url)
  if (!existsSync(url)) throw new Error(`dist/${path} is missing: run 'npm run build' first`)
  return url
}
