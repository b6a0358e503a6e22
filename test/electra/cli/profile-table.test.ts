import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { programTitles, showProfile, type ProfileSubject } from '../../../src/electra/cli/profile-table.js'
import type { KernelGroup } from '../../../src/electra/profile/cost.js'
import type { Profile, ProgramProfile } from '../../../src/electra/profile/profile.js'

const subject: ProfileSubject = {
  config: 'nano',
  examples: 2,
  sequenceLength: 16,
  vocabSize: 30_522,
  tokens: 'drawn at random',
  device: 'wasm',
  multiplier: 'own',
  relaxedSimd: false,
  precision: 'float32' as const,
  rounds: 3
}

const milliseconds = fc.nat({ max: 5000 }).map((ms) => ms / 1000)

const groups: fc.Arbitrary<ReadonlyArray<KernelGroup>> = fc
  .array(
    fc.record({
      kind: fc.constantFrom<KernelGroup['kind']>('loop', 'contraction', 'panels', 'random'),
      what: fc.constantFrom('loop [4] exp', `loop [4] ${'add '.repeat(40)}`),
      kernels: fc.integer({ min: 1, max: 20 }),
      flops: fc.nat(),
      bytes: fc.nat(),
      seconds: milliseconds
    }),
    { minLength: 1, maxLength: 12 }
  )
  .map((all) => all.sort((a, b) => b.seconds - a.seconds))

/** A whole that takes some time beyond its kernels. */
const program = (name: ProgramProfile['name']): fc.Arbitrary<ProgramProfile> =>
  fc.record({ groups, beyond: fc.integer({ min: 1, max: 5000 }) }).map(({ groups, beyond }) => ({
    name,
    loadSeconds: 0.5,
    workingBytes: 1_500_000,
    seconds: groups.reduce((sum, { seconds }) => sum + seconds, beyond / 1000),
    groups
  }))

const profiles: fc.Arbitrary<Profile> = fc.tuple(program('shardGrad'), program('update')).map((programs) => ({
  clock: 'process' as const,
  traceSeconds: 0.25,
  programs,
  plannedBytes: 3_000_000,
  peakBytes: 200_000_000,
  limits: { flopsPerSecond: 2e10, bytesPerSecond: 1e10, n: 1024 }
}))

type Row = { readonly kernels: number; readonly ofTime: number; readonly what: string }

const rowOf = (line: string): Row => {
  const [, ofTime, kernels, , , , , , ...what] = line.trim().split(/\s+/)
  return { kernels: Number(kernels), ofTime: Number(ofTime.replace('%', '')), what: what.join(' ') }
}

/** The rows of a program: of its kernels, then of what they add up to. */
const rowsOf = (text: string, { name }: ProgramProfile): readonly [ReadonlyArray<Row>, ReadonlyArray<Row>] => {
  const lines = text.split('\n')
  const first = lines.indexOf(programTitles[name]) + 2
  const middle = lines.indexOf('', first)
  return [lines.slice(first, middle).map(rowOf), lines.slice(middle + 1, lines.indexOf('', middle + 1)).map(rowOf)]
}

const sum = (rows: ReadonlyArray<Row>, of: 'kernels' | 'ofTime'): number =>
  rows.reduce((total, row) => total + row[of], 0)

describe('the table of a profile', () => {
  it('shows so many rows of kernels, and what the others add up to', () => {
    fc.assert(
      fc.property(profiles, fc.integer({ min: 1, max: 14 }), (profile, shown) => {
        const text = showProfile(subject, profile, shown)
        for (const program of profile.programs) {
          const { groups } = program
          const [rows] = rowsOf(text, program)
          expect(rows).toHaveLength(Math.min(groups.length, shown + 1))
          expect(sum(rows, 'kernels')).toBe(groups.reduce((total, { kernels }) => total + kernels, 0))
          if (groups.length > shown) expect(rows.at(-1)?.what).toBe(`${groups.length - shown} more`)
        }
      })
    )
  })

  it('adds everything up to the whole: kernels, and shares of the time to 100%', () => {
    fc.assert(
      fc.property(profiles, (profile) => {
        const text = showProfile(subject, profile, 20)
        for (const program of profile.programs) {
          const [rows, totals] = rowsOf(text, program)
          const [parts, whole] = [totals.slice(0, -1), totals[totals.length - 1]]
          expect(whole).toMatchObject({ what: 'the whole program', ofTime: 100, kernels: sum(rows, 'kernels') })
          expect(sum(parts, 'kernels')).toBe(whole.kernels)
          // Each share is rounded to tenths of a percent, and their sum in binary.
          expect(Math.abs(sum(parts, 'ofTime') - 100)).toBeLessThanOrEqual(0.05 * parts.length + 1e-9)
        }
      })
    )
  })

  it('says what was measured on what, in how much memory, and cuts long descriptions', () => {
    fc.assert(
      fc.property(profiles, (profile) => {
        const lines = showProfile(subject, profile, 20).split('\n')
        const [head, conditions, products, bytes] = lines
        expect([head, conditions]).toEqual([
          'nano: 2 examples of 16 tokens (drawn at random), 30,522 pieces',
          'on wasm, matmul own; medians of 3 rounds'
        ])
        expect(products).toBe('limits here: 20.0 GFLOP/s in a product of 1024 x 1024 matrices,')
        expect(bytes).toMatch(/^10\.0 GB\/s in /)
        expect(lines.at(-3)).toMatch(
          /traced in 0\.25 s; loaded in 0\.50 s \(gradient of the shard\), 0\.50 s \(update\)$/
        )
        expect(lines.at(-2)).toMatch(/3\.0 MB planned, .* 1\.5 MB /)
        expect(lines.at(-1)).toMatch(/the process had 200\.0 MB at most$/)
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120)
        for (const program of profile.programs)
          for (const { what } of rowsOf(lines.join('\n'), program)[0]) expect(what.length).toBeLessThanOrEqual(47)
      })
    )
  })

  it('says whose clock timed the kernels of a GPU, and how often it was asked for one', () => {
    fc.assert(
      fc.property(profiles, fc.tuple(fc.nat(), fc.nat()), (plain, launches) => {
        const programs = plain.programs.map((program, i) => ({ ...program, launches: launches[i] }))
        const shown = (device: string, clock: Profile['clock']): string =>
          showProfile({ ...subject, device }, { ...plain, programs, clock }, 20)
        const count = (n: number): string => n.toLocaleString('en')
        for (const clock of ['process', 'device'] as const)
          expect(shown('webgpu', clock)).toContain(
            `\nlaunches   ${count(launches[0])} (gradient of the shard), ${count(launches[1])} (update)\nmemory `
          )
        const says = { timestamps: "the GPU's own timestamps", none: 'this adapter has no timestamps' }
        const said = (text: string) => [text.includes(says.timestamps), text.includes(says.none)]
        expect(said(shown('webgpu', 'device'))).toEqual([true, false])
        expect(said(shown('webgpu', 'process'))).toEqual([false, true])
        expect(said(shown('wasm', 'process'))).toEqual([false, false])
        expect(showProfile(subject, plain, 20)).not.toMatch(/launches/)
        expect(shown('webgpu', 'device')).toMatch(/not in kernels \(encoding, waiting\)/)
        expect(shown('wasm', 'process')).toMatch(/not in kernels \(finding arrays, first kernel\)/)
      })
    )
  })
})
