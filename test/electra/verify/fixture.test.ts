import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readFixture, showFixtureError } from '../../../src/electra/verify/fixture.js'
import { showVerifyError, verify } from '../../../src/electra/verify/verify.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import type { NamedStored } from '../../../src/tensor/stored.js'
import { left, right } from '../data/right.js'
import { bytesOf, goldenNames, rewritten } from './golden.js'

const golden = bytesOf('electra_c')

/** What is said of a file that cannot be read. */
const saidOf = (bytes: Uint8Array): string => showFixtureError(left(readFixture(bytes)))

const withMetadata = (key: string, value: string | undefined): Uint8Array =>
  rewritten(
    golden,
    (x) => [x],
    ({ [key]: _, ...rest }) => (value === undefined ? rest : { ...rest, [key]: value })
  )

const metadataOf = (key: string): Record<string, unknown> => {
  const found: { text?: string } = {}
  rewritten(
    golden,
    (x) => [x],
    (metadata) => {
      found.text = metadata[key]
      return metadata
    }
  )
  return JSON.parse(found.text ?? '{}') as Record<string, unknown>
}

/** Verifying ends, in a `Left` that says something or in comparisons: it never throws or rejects. */
const outcomeOf = async (bytes: Uint8Array): Promise<'refused' | 'failed' | 'passed'> => {
  const verified = await verify(wasm())(bytes)()
  if (E.isRight(verified)) return verified.right.passes ? 'passed' : 'failed'
  expect(showVerifyError(verified.left)).toMatch(/^\S.{5,}/)
  return 'refused'
}

describe('reading a golden file', () => {
  it.each(goldenNames)('takes %s as it is', (name) => {
    expect(E.isRight(readFixture(bytesOf(name)))).toBe(true)
  })

  it('refuses any part of it', () => {
    fc.assert(
      fc.property(fc.nat({ max: golden.length - 1 }), (length) => {
        expect(saidOf(golden.slice(0, length))).toMatch(/cut short/)
      })
    )
  })

  it('refuses what is appended to it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 9 }), (more) => {
        expect(saidOf(Uint8Array.from([...golden, ...more]))).toMatch(/bytes of tensors/)
      }),
      { numRuns: 10 }
    )
  })

  it('never throws, whatever bytes stand in it', () => {
    const size = new DataView(golden.buffer, golden.byteOffset).getUint32(0, true)
    fc.assert(
      fc.property(fc.nat({ max: size + 7 }), fc.nat({ max: 255 }), (at, byte) => {
        const bytes = golden.slice()
        bytes[at] = byte
        const read = readFixture(bytes)
        if (E.isLeft(read)) expect(showFixtureError(read.left)).not.toBe('')
      })
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(saidOf(bytes)).not.toBe('')
      })
    )
  })

  it.each(['config', 'optimizer'])('says which metadata is missing or is not JSON: %s', (key) => {
    expect(saidOf(withMetadata(key, undefined))).toBe(`metadata ${key}: found nothing, expected JSON`)
    expect(saidOf(withMetadata(key, '{"vocab":'))).toMatch(`metadata ${key}: `)
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), (json) => {
        expect(saidOf(withMetadata(key, JSON.stringify(json)))).toMatch(`metadata ${key}`)
      }),
      { numRuns: 25 }
    )
  })

  const hostile = [-1, 0, 1.5, 1e9, 2 ** 53, 1e300, '3', null, [], {}, true] as const

  it('says where a size is none, or is not that of the tensors', () => {
    const config = metadataOf('config')
    const sizes = Object.keys(config).filter((key) => typeof config[key] === 'number')
    const inWeights = ['vocab', 'emb', 'hidden', 'layers', 'ffn', 'gen_hidden', 'gen_ffn', 'max_pos', 'types']
    fc.assert(
      fc.property(fc.constantFrom(...sizes), fc.constantFrom(...hostile), (key, value) => {
        const read = readFixture(withMetadata('config', JSON.stringify({ ...config, [key]: value })))
        if (E.isLeft(read)) expect(showFixtureError(read.left)).toMatch(/^(metadata config\.|discriminator|generator)/)
        else expect(inWeights).not.toContain(key)
      })
    )
  })

  it('says which weight is missing or has another shape', () => {
    const weights = right(readFixture(golden)).names.filter((name) => /^discriminator\./.test(name))
    fc.assert(
      fc.property(fc.constantFrom(...weights), (name) => {
        const without = rewritten(golden, (x) => (x.name === name ? [] : [x]))
        expect(saidOf(without)).toBe(`${name}: found no such tensor, expected one`)
        const reshaped = rewritten(golden, (x) => [x.name === name ? { ...x, shape: [1, ...x.shape] } : x])
        expect(saidOf(reshaped)).toMatch(new RegExp(`^${name}: found \\[1, `))
      }),
      { numRuns: 20 }
    )
  })
})

describe('verifying a hostile file', () => {
  const { names } = right(readFixture(golden))
  const read = names.filter((name) => !/\.f64\.|^generator\.electra\.embeddings\.[wpt]|lm_head\.weight/.test(name))

  it('is refused where a tensor that is read is missing, or has another shape', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...read), fc.boolean(), async (name, isMissing) => {
        const file = rewritten(golden, (x) => {
          if (x.name !== name) return [x]
          return isMissing ? [] : [{ ...x, shape: [...x.shape, 1] }]
        })
        expect(await outcomeOf(file)).toBe('refused')
      }),
      { numRuns: 8 }
    )
  })

  it('is refused where it holds a result that the step has not', async () => {
    const extra: NamedStored = {
      name: 'grads.f32.discriminator.pooler.weight',
      dtype: 'F32',
      shape: [1],
      data: Float32Array.of(0)
    }
    const file = rewritten(golden, (x) => (x.name === 'inputs.input_ids' ? [x, extra] : [x]))
    const verified = await verify(wasm())(file)()
    expect(showVerifyError(left(verified))).toMatch(/^grads\.f32\.discriminator\.pooler\.weight: /)
  })

  it('is refused, naming the tensor, where that has another element type', () => {
    const inputs = read.filter((name) => name.startsWith('inputs.'))
    const retyped = ({ name, shape, data }: NamedStored): NamedStored => ({
      name,
      shape,
      dtype: 'BOOL',
      data: new Uint8Array(data.length)
    })
    return Promise.all(
      [...inputs, 'outputs.f32.disc_loss'].map(async (name) => {
        const file = rewritten(golden, (x) => [x.name === name ? retyped(x) : x])
        const said = showVerifyError(left(await verify(wasm())(file)()))
        expect(said).toMatch(new RegExp(`^${name}: found BOOL, expected an element type for (f32|i32)$`))
      })
    )
  })

  it('never throws where ids and positions lie outside everything', async () => {
    const ids = names.filter((name) => /^inputs\..*(ids|positions|mask)$/.test(name))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ids),
        fc.constantFrom(-1, 99, 2 ** 31 - 1, -(2 ** 31)),
        async (name, value) => {
          const file = rewritten(golden, (x) => [
            x.name === name && x.dtype === 'I32' ? { ...x, data: x.data.map(() => value) } : x
          ])
          expect(await outcomeOf(file)).toBe('failed')
        }
      ),
      { numRuns: 8 }
    )
  })

  it('never throws where its sizes contradict each other or its rates are odd', async () => {
    const [config, optimizer] = [metadataOf('config'), metadataOf('optimizer')]
    const cases = [
      ...['heads', 'gen_heads', 'seq', 'batch', 'max_pred', 'max_pos'].map(
        (key) => ['config', { ...config, [key]: 7 }] as const
      ),
      ...['lr', 'eps', 'weight_decay', 'clip_global_norm'].map(
        (key) => ['optimizer', { ...optimizer, [key]: 1e300 }] as const
      ),
      ['optimizer', { ...optimizer, steps: 2 }] as const,
      ['optimizer', { ...optimizer, steps: 1e9 }] as const
    ]
    for (const [key, value] of cases)
      expect([key, value, await outcomeOf(withMetadata(key, JSON.stringify(value)))]).not.toContain('passed')
  })
})
