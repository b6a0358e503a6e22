/**
 * Jobs as processes of this program: each with a log of its own, and none that outlives the experiment.
 *
 * A process is in a group of its own, so that a terminal's interrupt reaches only the experiment, which passes it on once; and it is
 * connected: where the experiment is killed, the connection breaks, and the process saves its state and ends.
 */

import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { endsWithParent } from '../with-parent.js'
import { exitCodes } from '../outcome.js'

export type Ended =
  | { readonly _tag: 'Succeeded' }
  | { readonly _tag: 'Interrupted' }
  | { readonly _tag: 'Failed'; readonly reason: string }
  /** By a signal that nobody here has sent: what was saved is there to go on from. */
  | { readonly _tag: 'Killed'; readonly signal: string }

export type Running = {
  /** Rejects where the machine gives no process. */
  readonly ended: Promise<Ended>
  /** What it has said last. */
  readonly lastLine: () => string
  readonly interrupt: () => void
}

const program = fileURLToPath(new URL('../bin.js', import.meta.url))

/** Characters of the end of what a process has said. */
const kept = 8192

/** How a sentence begins that says why: ours, or commander's of the arguments. */
const ownPrefix = /^(pure-electra|error): /

/** The sentence with which a process of ours fails, or its last line. */
export const reasonIn = (said: string): string => {
  const lines = said.split('\n').filter((line) => line.trim() !== '')
  const own = lines.findLast((line) => ownPrefix.test(line))
  return own?.replace(ownPrefix, '') ?? lines.at(-1) ?? 'it ended without a word'
}

/** `lock` is an open file that the process has as long as it lives. */
export const start = (args: ReadonlyArray<string>, log: string, lock: number): Running => {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', lock],
    detached: true,
    env: { ...process.env, ...endsWithParent }
  })
  const file = createWriteStream(log, { flags: 'a' })
  // A log that cannot be written is none.
  file.on('error', () => undefined)
  let said = ''
  const hear = (chunk: Buffer): void => {
    file.write(chunk)
    said = `${said}${chunk.toString('utf8')}`.slice(-kept)
  }
  child.stdout?.on('data', hear)
  child.stderr?.on('data', hear)
  const ended = new Promise<Ended>((resolve, reject) => {
    const end = (how: Ended): void => {
      file.end(() => resolve(how))
    }
    child.on('error', (cause) => {
      file.end()
      reject(cause)
    })
    // When all is heard that it said.
    child.once('close', (code, signal) => {
      if (code === exitCodes.done) end({ _tag: 'Succeeded' })
      else if (code === exitCodes.interrupted) end({ _tag: 'Interrupted' })
      else end(signal === null ? { _tag: 'Failed', reason: reasonIn(said) } : { _tag: 'Killed', signal })
    })
  })
  return {
    ended,
    lastLine: () => said.trimEnd().split('\n').at(-1) ?? '',
    interrupt: () => void child.kill('SIGINT')
  }
}
