/**
 * Maps as epilogues of products: what they load of the result is the value that has just been computed.
 */

import type { FusedLoop } from '../../program/fused.js'
import { mapStores, mapWanted, stepLines } from './map.js'
import { bindingsOf, coordinates, type Bindings } from './shader.js'
import type { Epilogue } from './product/result.js'

export const epilogueOf = (
  loop: FusedLoop,
  out: number,
  keepsResult: boolean,
  halves: ReadonlySet<number>
): Epilogue => {
  const { extents, body } = loop
  const others = bindingsOf(
    mapWanted(loop).filter(({ buffer }) => buffer !== out),
    halves
  )
  const bindings: Bindings = {
    ...others,
    load: (buffer, index) => (buffer === out ? 'value' : others.load(buffer, index))
  }
  const { names, lines } = coordinates('x', extents, 'at')
  const code = [
    'fn epilogue(at: u32, value: f32) {',
    ...lines,
    ...stepLines(body, { bindings, axes: names, name: (step) => `v${step}` }),
    ...mapStores(loop, bindings, names),
    '}'
  ].join('\n')
  return {
    bindings: others.list.map(({ buffer, type, access }, i) => ({
      buffer,
      access,
      name: `b${i}`,
      type: `array<${type}>`
    })),
    code,
    keepsResult
  }
}
