import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decode, encode } from '../../../src/tensor/safetensors.js'
import type { NamedStored } from '../../../src/tensor/stored.js'
import { right } from '../data/right.js'
import { expectFailure, jsonLines, pureElectra } from './cli.js'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-verify-'))
})
afterAll(() => rm(directory, { recursive: true }))

const fixture = (name: string): string => join('test', 'fixtures', `${name}.safetensors`)

type Comparison = { readonly name: string; readonly passes: boolean }

describe('verify', () => {
  it.each([
    ['electra_a', ['--float64'], 'reference'],
    ['electra_a', [], 'wasm'],
    ['electra_b', ['--float64'], 'reference'],
    ['electra_b', [], 'wasm']
  ])('agrees with %s %j on every tensor', async (name, more, device) => {
    const ran = await pureElectra('verify', '--fixture', fixture(name), '--json', ...more)
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    const [line] = jsonLines(ran)
    expect(line).toMatchObject({ passes: true, device, float64: more.length > 0 })
    expect((line.comparisons as ReadonlyArray<Comparison>).filter(({ passes }) => !passes)).toEqual([])
  })

  it('fails where one number of the file is another, and names its tensor', async () => {
    const { tensors, metadata } = right(decode(await readFile(fixture('electra_a'))))
    const altered = [...tensors].map(([name, stored]): NamedStored =>
      name === 'outputs.f64.disc_logits'
        ? {
            name,
            dtype: 'F64',
            shape: stored.shape,
            data: Float64Array.from(stored.data as Float64Array, (x, i) => (i === 5 ? x + 1e-6 : x))
          }
        : { ...stored, name }
    )
    const path = join(directory, 'altered.safetensors')
    await writeFile(path, encode(altered, metadata))
    const ran = await pureElectra('verify', '--fixture', path, '--float64')
    expect(ran.code).toBe(1)
    expect(ran.stdout.match(/^FAIL.*$/gm)).toEqual([
      expect.stringMatching(/^FAIL {2}outputs\.f64\.disc_logits +1\.00e-6 /)
    ])
    expect(ran.stderr).toMatch(
      /^pure-electra: .*altered\.safetensors: 1 of \d+ tensors differ by more than they may\n$/
    )
  })

  it('says of what is no golden file what it is', async () => {
    const path = join(directory, 'short.safetensors')
    await writeFile(path, (await readFile(fixture('electra_a'))).subarray(0, 5000))
    expectFailure(await pureElectra('verify', '--fixture', path), 1, /the file is cut short/)
    expectFailure(await pureElectra('verify', '--fixture', join(directory, 'none')), 1, /none: could not read it/)
    expectFailure(
      await pureElectra('verify', '--fixture', fixture('electra_a'), '--float64', '--device', 'wasm'),
      1,
      /only the reference device computes in float64/
    )
  })
})
