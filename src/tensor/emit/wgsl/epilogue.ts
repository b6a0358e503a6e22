/**
 * Maps as epilogues: what they load of the result is the value that has just been computed.
 */

import type { Epilogue } from '../../program/gpu/gpu-kernel.js'
import { mapStores, mapWanted, stepLines } from './map.js'
import { coordinates, type Binding, type Bindings, type Lines } from './shader.js'

/** The buffers of an epilogue of `out`. */
export const epilogueWanted = ({ loop }: Epilogue, out: number): ReadonlyArray<Binding> =>
  mapWanted(loop).filter(({ buffer }) => buffer !== out)

/** What is done with `value`, element number `at` of `out`. */
export const epilogueLines = (
  { loop }: Epilogue,
  out: number,
  bindings: Bindings,
  { at, value }: { readonly at: string; readonly value: string }
): Lines => {
  const inRegister: Bindings = {
    ...bindings,
    load: (buffer, index) => (buffer === out ? value : bindings.load(buffer, index))
  }
  const { names, lines } = coordinates('x', loop.extents, at)
  return [
    ...lines,
    ...stepLines(loop.body, { bindings: inRegister, axes: names, name: (step) => `v${step}` }),
    ...mapStores(loop, bindings, names)
  ]
}
