import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { linesUpTo, metricsFile, type From, type MetricsRecord } from '../../../src/electra/training/metrics-file.js'
import { left, rightOf } from '../data/right.js'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-metrics-'))
})
afterAll(() => rm(directory, { recursive: true }))

const records: fc.Arbitrary<ReadonlyArray<MetricsRecord>> = fc
  .array(fc.record({ kind: fc.constantFrom('step', 'heldOut'), loss: fc.integer() }), { maxLength: 12 })
  .map((rows) => rows.map((row, i) => ({ ...row, step: 1 + Math.floor(i / 2) })))

const linesOf = (rows: ReadonlyArray<MetricsRecord>): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

const keptOf = (text: string, from: From): string => Buffer.from(linesUpTo(Buffer.from(text), from)).toString('utf8')

describe('the lines that a resumed run keeps', () => {
  it('are the whole ones up to its checkpoint, wherever the file was cut', () => {
    fc.assert(
      fc.property(records, fc.nat({ max: 8 }), fc.boolean(), fc.nat(), (rows, step, owesEvaluation, cut) => {
        const text = linesOf(rows)
        const torn = text.slice(0, cut % (text.length + 1))
        // A record is whole without its line feed too.
        const whole = rows.filter((_, i) => torn.length >= linesOf(rows.slice(0, i + 1)).length - 1)
        const kept = whole.filter(
          (row) => row.step <= step && !(owesEvaluation && row.step === step && row.kind === 'heldOut')
        )
        expect(keptOf(torn, { step, owesEvaluation })).toBe(linesOf(kept))
      })
    )
  })

  it('are records only', () => {
    const record = '{"kind":"step","step":3}'
    const text = ['', 'null', '7', '[]', '{}', '{"step":"3"}', record, '{"step":3'].join('\n')
    expect(keptOf(text, { step: 3, owesEvaluation: false })).toBe(`${record}\n`)
  })
})

describe('the metrics file', () => {
  it('is opened at a checkpoint and grows by a line a record', async () => {
    const out = join(directory, 'run')
    await mkdir(out)
    const first = await rightOf(metricsFile(out, { step: 0, owesEvaluation: false }))
    for (const step of [1, 2, 3]) await rightOf(first.append({ kind: 'step', step, loss: NaN }))
    await writeFile(join(out, 'metrics.jsonl'), '{"kind":"step","st', { flag: 'a' })

    const second = await rightOf(metricsFile(out, { step: 2, owesEvaluation: false }))
    await rightOf(second.append({ kind: 'step', step: 3, loss: 0.5 }))
    await rightOf(second.sync)
    expect(await readFile(join(out, 'metrics.jsonl'), 'utf8')).toBe(
      '{"kind":"step","step":1,"loss":null}\n{"kind":"step","step":2,"loss":null}\n{"kind":"step","step":3,"loss":0.5}\n'
    )
  })

  it('says which file could not be written', async () => {
    const inTheWay = join(directory, 'file')
    await writeFile(inTheWay, '')
    expect(left(await metricsFile(join(inTheWay, 'run'), { step: 0, owesEvaluation: false })())).toMatchObject({
      _tag: 'FileFailure',
      code: 'ENOTDIR',
      path: join(inTheWay, 'run', 'metrics.jsonl')
    })
  })
})

describe('metrics that are no file', () => {
  it('are refused, and never waited for', async () => {
    const out = join(directory, 'piped')
    await mkdir(out)
    await promisify(execFile)('mkfifo', [join(out, 'metrics.jsonl')])
    expect(left(await metricsFile(out, { step: 0, owesEvaluation: false })())).toMatchObject({
      _tag: 'Corrupt',
      found: 'a named pipe'
    })
  })
})
