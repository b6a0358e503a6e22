import { describe, expect, it } from 'vitest'
import { emitKernel } from '../../../src/tensor/emit/js.js'
import { printCast, printNumber } from '../../../src/tensor/emit/js-scalar.js'
import type { BufferSpec, Loop, Step } from '../../../src/tensor/program/kernel.js'

const specs: ReadonlyArray<BufferSpec> = Array.from({ length: 6 }, () => ({ dtype: 'f32', size: 1024 }))

const load = (buffer: number, strides: ReadonlyArray<number>): Step => ({
  _tag: 'load',
  dtype: 'f32',
  buffer,
  at: { offset: 0, strides }
})

const add = (x: number, y: number): Step => ({ _tag: 'binary', dtype: 'f32', fn: 'add', x, y })

/** out[i, j] = a[i, j] + exp(b[i]) over [8, 16]. */
const rowsPlus = (a: number, b: number, out: number): Loop => ({
  _tag: 'loop',
  extents: [8, 16],
  reduce: undefined,
  body: [load(a, [16, 1]), load(b, [1, 0]), { _tag: 'unary', dtype: 'f32', fn: 'exp', x: 1 }, add(0, 2)],
  out: { buffer: out, at: { offset: 0, strides: [16, 1] } }
})

describe('emitKernel', () => {
  it('prints a loop nest that a person can read, with what does not vary hoisted out of the inner loop', () => {
    expect(emitKernel(rowsPlus(0, 1, 2), specs)).toEqual({
      source: [
        "'use strict'",
        'return (f32_0, f32_1, f32_2) => {',
        '  for (let i0 = 0; i0 < 8; i0++) {',
        '    const p0 = i0 * 16',
        '    const v1 = Math.exp(f32_2[i0])',
        '    for (let i1 = 0; i1 < 16; i1++) {',
        '      f32_0[p0 + i1] = (f32_1[p0 + i1] + v1)',
        '    }',
        '  }',
        '}'
      ].join('\n'),
      buffers: [2, 0, 1]
    })
  })

  it('prints kernels that differ only in their buffers alike, and those of other types differently', () => {
    const [a, b] = [emitKernel(rowsPlus(0, 1, 2), specs), emitKernel(rowsPlus(3, 5, 4), specs)]
    expect(b.source).toBe(a.source)
    expect(b.buffers).toEqual([4, 3, 5])
    const copy = (dtype: 'f32' | 'i32'): string =>
      emitKernel(
        {
          _tag: 'loop',
          extents: [4],
          reduce: undefined,
          body: [{ _tag: 'load', dtype, buffer: 0, at: { offset: 0, strides: [1] } }],
          out: { buffer: 1, at: { offset: 0, strides: [1] } }
        },
        specs.map(() => ({ dtype, size: 4 }))
      ).source
    expect(copy('f32')).not.toBe(copy('i32'))
  })

  it('sums columns row by row into a run of doubles', () => {
    const columns: Loop = {
      _tag: 'loop',
      extents: [600],
      reduce: { fn: 'sum', extents: [8] },
      body: [load(0, [1, 600])],
      out: { buffer: 1, at: { offset: 0, strides: [1] } }
    }
    expect(emitKernel(columns, specs).source).toBe(
      [
        "'use strict'",
        'const totals = new Float64Array(512)',
        'return (f32_0, f32_1) => {',
        '  for (let start = 0; start < 600; start += 512) {',
        '    const end = Math.min(start + 512, 600)',
        '    totals.fill(0)',
        '    for (let i1 = 0; i1 < 8; i1++) {',
        '      const p0 = i1 * 600',
        '      for (let i0 = start; i0 < end; i0++) {',
        '        totals[i0 - start] = (totals[i0 - start] + f32_1[p0 + i0])',
        '      }',
        '    }',
        '    for (let i0 = start; i0 < end; i0++) {',
        '      f32_0[i0] = totals[i0 - start]',
        '    }',
        '  }',
        '}'
      ].join('\n')
    )
  })
})

describe('the scalar tables', () => {
  it('print numbers as each type holds them', () => {
    expect(printNumber('f32', 0.1)).toBe('0.10000000149011612')
    expect(printNumber('f32', -0)).toBe('(-0)')
    expect(printNumber('f32', NaN)).toBe('NaN')
    expect(printNumber('f32', -Infinity)).toBe('(-Infinity)')
    expect(printNumber('u32', 4294967295)).toBe('4294967295')
    expect(printNumber('bool', 1)).toBe('true')
  })

  it('saturate on the way from f32 to integers, and keep the bits between integers', () => {
    expect(printCast('i32', 'f32', 'x')).toBe('(Math.min(2147483647, Math.max(-2147483648, x)) | 0)')
    expect(printCast('u32', 'i32', 'x')).toBe('(x >>> 0)')
  })
})
