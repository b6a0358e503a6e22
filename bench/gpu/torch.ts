/** The same step in PyTorch, where python3 has it. */

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { torchSizes, type Training } from './programs.js'

export const torchModes = [
  'eager float32',
  'compiled float32',
  'eager TF32',
  'compiled TF32',
  'eager bf16',
  'compiled bf16'
] as const

export type TorchMode = (typeof torchModes)[number]

export type TorchStep = {
  readonly mode: TorchMode
  readonly milliseconds?: number
  readonly firstSeconds?: number
  readonly peakBytes?: number | null
  readonly failed?: string
}

export type Torch = {
  /** Which, and on what. */
  readonly name: string | undefined
  readonly steps: ReadonlyArray<TorchStep>
  readonly missing: string | undefined
}

type Answer = TorchStep & {
  readonly torch?: string
  readonly device?: string
  readonly name?: string
  readonly missing?: string
}

export type TorchSettings = {
  readonly python: string
  readonly script: string
  readonly seconds: number
  /** Whether it may be measured on the CPU, too. */
  readonly cpu: boolean
  readonly modes: ReadonlyArray<TorchMode>
  /** Seconds after which it is ended. */
  readonly patience: number
}

/** What it told until its end, or until patience was out. */
export const measureTorch = (
  training: Training,
  { python, script, seconds, cpu, modes, patience }: TorchSettings
): Promise<Torch> =>
  new Promise((resolve) => {
    const asked = JSON.stringify({ sizes: torchSizes(training), seconds, cpu, modes })
    const child = spawn(python, [script, asked], { stdio: ['ignore', 'pipe', 'pipe'] })
    const answers: Array<Answer> = []
    const said: Array<string> = []
    let why: string | undefined
    createInterface({ input: child.stdout }).on('line', (line) => {
      try {
        answers.push(JSON.parse(line) as Answer)
      } catch {
        said.push(line)
      }
    })
    child.stderr.on('data', (text: Buffer) => said.push(text.toString()))
    const timer = setTimeout(() => {
      why = `ended after ${patience} s`
      child.kill('SIGKILL')
    }, 1000 * patience)
    child.on('error', (e) => {
      why = `${python} does not start: ${e.message}`
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      const head = answers.find(({ torch }) => torch !== undefined)
      const missing = answers.find(({ missing: reason }) => reason !== undefined)?.missing
      const crashed =
        code === 0 || code === null
          ? undefined
          : `${python} ended with ${code}: ${said.join('').trim().split('\n').at(-1) ?? ''}`
      resolve({
        name: head === undefined ? undefined : `PyTorch ${head.torch} on ${head.name} (${head.device})`,
        steps: answers.filter(({ mode }) => mode !== undefined),
        missing: missing ?? why ?? crashed
      })
    })
  })
