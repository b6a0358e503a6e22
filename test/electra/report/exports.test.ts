import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from '../../../src/electra/report/export/crc32c.js'
import { csvOf, type NumbersOfRun } from '../../../src/electra/report/export/csv.js'
import { eventFile, type ScalarEvent } from '../../../src/electra/report/export/tensorboard.js'

describe('CRC-32C', () => {
  it.each([
    ['32 bytes of 0', new Uint8Array(32), 0x8a9136aa],
    ['32 bytes of 0xff', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(), 0]
  ])('of %s is that of RFC 3720, B.4, and of the catalogues', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
  })
})

type Golden = { readonly begunAt: number; readonly events: ReadonlyArray<ScalarEvent>; readonly hex: string }

const golden = JSON.parse(readFileSync('test/fixtures/events.json', 'utf8')) as Golden

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('an event file', () => {
  it("is what TensorBoard's own writer makes, byte for byte", () => {
    expect(hexOf(eventFile(golden.begunAt, golden.events))).toBe(golden.hex)
  })

  it('leaves out what is no number, and events of nothing else', () => {
    const [first, ...rest] = golden.events
    const with0 = { ...first, scalars: [['train/auc', NaN], ...first.scalars, ['train/x', Infinity]] } as ScalarEvent
    const nothing: ScalarEvent = { step: 5, wallTime: 1, scalars: [['a', NaN]] }
    expect(hexOf(eventFile(golden.begunAt, [with0, nothing, ...rest]))).toBe(golden.hex)
  })
})

const name = fc.constantFrom('loss', 'a,b', 'say "auc"', 'two\nlines', ' x ')
const numbers = fc.oneof(
  fc.constant(NaN),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0)
)
const ofSteps = (steps: ReadonlyArray<number>) =>
  fc
    .dictionary(name, fc.array(numbers, { minLength: steps.length, maxLength: steps.length }), {
      noNullPrototype: true
    })
    .map((columns) => ({ steps, columns: new Map(Object.entries(columns)) }))
const run: fc.Arbitrary<NumbersOfRun> = fc.record({ name, steps: ofSteps([1, 2, 3]), heldOut: ofSteps([2, 3]) })

describe('comma-separated values', () => {
  it('are read again as every number of every step, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(run, { maxLength: 3 }), (runs) => {
        const rows: ReadonlyArray<Readonly<Record<string, string>>> = parse(csvOf(runs), { columns: true })
        expect(rows).toHaveLength(5 * runs.length)
        const all = new Set(runs.flatMap((one) => [...one.steps.columns.keys(), ...one.heldOut.columns.keys()]))
        runs.forEach((one, n) => {
          const own = rows.slice(5 * n, 5 * n + 5)
          expect(own.map((row) => [row.run, row.kind, row.step])).toEqual([
            [one.name, 'step', '1'],
            [one.name, 'step', '2'],
            [one.name, 'heldOut', '2'],
            [one.name, 'step', '3'],
            [one.name, 'heldOut', '3']
          ])
          for (const kind of ['step', 'heldOut'] as const) {
            const { columns } = kind === 'step' ? one.steps : one.heldOut
            own
              .filter((row) => row.kind === kind)
              .forEach((row, i) => {
                for (const title of all) {
                  const value = columns.get(title)?.[i] ?? NaN
                  expect(row[title] === '' ? NaN : Number(row[title])).toBe(value)
                }
              })
          }
        })
      })
    )
  })
})
