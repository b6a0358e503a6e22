import { readFileSync } from 'node:fs'
import type { IO } from 'fp-ts/lib/IO.js'

/** Of this package. */
export const version: IO<string> = () => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
