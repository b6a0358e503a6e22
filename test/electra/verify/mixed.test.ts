import { describe, expect } from 'vitest'
import { verify } from '../../../src/electra/verify/verify.js'
import { webgpu } from '../../../src/tensor/run/webgpu/webgpu.js'
import { itWithHalves } from '../../tensor/run/multipliers/webgpu.js'
import { rightOf } from '../data/right.js'
import { bytesOf } from './golden.js'

/**
 * A number that is rounded to float16 is off by 2^-11 of its size at most, and what is computed of many such by some tens of that. Of
 * what is 0 but for rounding, as the gradients of the keys' biases are, nothing is known but its size.
 */
const tolerance = { relative: 40 * 2 ** -11, absolute: 2 ** -11 }

describe('the golden step electra_c in mixed precision', () => {
  itWithHalves('is ours within some tens of roundings to float16, every number of it', async () => {
    const device = await rightOf(webgpu({ precision: 'mixed' }))
    try {
      const { comparisons } = await rightOf(verify(device)(bytesOf('electra_c')))
      const far = comparisons.filter(
        ({ passes, relative, maxAbsolute }) =>
          !(passes || relative <= tolerance.relative || maxAbsolute <= tolerance.absolute)
      )
      expect(far.map(({ name }) => name)).toEqual([])
      // That it is not float32 in disguise.
      expect(comparisons.some(({ passes }) => !passes)).toBe(true)
    } finally {
      await device.release()
    }
  })
})
