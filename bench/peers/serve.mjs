/**
 * What every peer's process does: it reads requests from its standard input and answers on its standard output, a line of
 * JSON each, until the input ends.
 *
 *     { "open": {...} }     sets up what is to be measured       { "name": "what it is, with its version" }
 *     { "run": 3 }          runs it three times in a row         { "seconds": 0.12 }
 *     { "read": [0, 7] }    elements of the last result          { "values": [1.5, -2] }
 *     { "memory": true }    the most memory the process has had  { "bytes": 123456 }
 *     { "close": true }     lets go of what was set up           {}
 *
 * Any answer may be { "failed": "reason" } instead.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** The version of an installed package. */
export const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version

/** `open(request)` gives `{ name, run, read, close }`, each of which may be asynchronous. */
export const serve = async (open) => {
  // What libraries have to say does not belong between the answers.
  console.log = console.info = console.debug = console.error
  let opened
  const answer = async (request) => {
    if (request.open !== undefined) {
      opened = await open(request.open)
      return { name: opened.name }
    }
    if (request.run !== undefined) {
      const start = performance.now()
      for (let i = 0; i < request.run; i++) await opened.run()
      return { seconds: (performance.now() - start) / 1000 }
    }
    if (request.read !== undefined) {
      const values = await opened.read()
      return { values: request.read.map((i) => values[i]) }
    }
    if (request.memory !== undefined) return { bytes: process.resourceUsage().maxRSS * 1024 }
    await opened?.close()
    opened = undefined
    return {}
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const answered = await answer(JSON.parse(line)).catch((thrown) => ({
      failed: String(thrown?.message ?? thrown).split(/\n| imported from/)[0]
    }))
    process.stdout.write(`${JSON.stringify(answered)}\n`)
  }
  process.exit(0)
}
