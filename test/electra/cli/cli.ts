/**
 * The built command line as a user runs it: a process, its exit code, and what it wrote.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { built } from '../../built.js'

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export const main = fileURLToPath(built('electra/cli/bin.js'))

export type Running = { readonly child: ChildProcess; readonly ended: Promise<Ran> }

const collect = (child: ChildProcess): Running => {
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('the output of the process is not ours to read')
  const ended = Promise.all([once(child, 'close'), text(stdout), text(stderr)]).then(
    ([[code], out, err]: [Array<unknown>, string, string]): Ran => ({
      code: typeof code === 'number' ? code : null,
      stdout: out,
      stderr: err
    })
  )
  return { child, ended }
}

export const start = (...args: ReadonlyArray<string>): Running =>
  collect(spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }))

/** The same under a launcher, which is given the whole command behind arguments of its own. */
export const startUnder = (
  [launcher, ...own]: readonly [string, ...ReadonlyArray<string>],
  ...args: ReadonlyArray<string>
): Running => collect(spawn(launcher, [...own, process.execPath, main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }))

/** The same with some variables of the environment set. */
export const startWith = (environment: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>): Running =>
  collect(
    spawn(process.execPath, [main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment }
    })
  )

export const pureElectra = (...args: ReadonlyArray<string>): Promise<Ran> => start(...args).ended

/** A line of bash in which `$0` is Node and `$1` the command line, with further arguments behind it. */
export const inShell = (line: string, ...args: ReadonlyArray<string>): Promise<Ran> =>
  collect(spawn('bash', ['-c', line, process.execPath, main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })).ended

/** The same, where no file may grow beyond so many kilobytes. */
export const pureElectraWithin = (kilobytes: number, ...args: ReadonlyArray<string>): Promise<Ran> =>
  inShell(`ulimit -f ${kilobytes}; exec "$0" "$@"`, ...args)

/** Standard output as the JSON lines that it must be, every one of them. */
export const jsonLines = ({ stdout }: Ran): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)

/** Failed with this code and with these words, said once, to people: no stack, no result. */
export const expectFailure = (ran: Ran, code: 1 | 2, words: string | RegExp): void => {
  expect(ran.stderr).toMatch(words)
  expect(ran).toMatchObject({ code, stdout: '' })
  expect(ran.stderr).not.toMatch(/^ {4}at /m)
  expect(ran.stderr.match(/^(pure-electra|error): /gm)).toHaveLength(1)
}
