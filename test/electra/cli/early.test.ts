import { execFile } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { built } from '../../built.js'

const early = built('electra/cli/early.js').href

/** A process that hears signals as the command line does while it is loaded, and sends itself one. */
const ended = (signal: string): Promise<{ readonly code: unknown; readonly stderr: string }> =>
  new Promise((resolve) => {
    const program =
      `import { handleEarlySignals } from '${early}'; handleEarlySignals();` +
      `process.kill(process.pid, '${signal}'); setInterval(() => undefined, 1000)`
    execFile(process.execPath, ['--input-type=module', '-e', program], (error, _, stderr) => {
      resolve({ code: error?.code, stderr })
    })
  })

describe('a signal before a command has begun', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])(
    '%s ends it with one line, and not as if a state were saved',
    async (signal) => {
      expect(await ended(signal)).toEqual({
        code: 1,
        stderr: `pure-electra: ended by ${signal} before anything was begun: there is nothing to save\n`
      })
    }
  )
})
