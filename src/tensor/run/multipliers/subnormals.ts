/**
 * Native code with subnormal numbers as zeros: operands that are subnormal count as zero, and results that would be are.
 *
 * Processors of x86 take a hundred times as long for a sum or product with a subnormal number in it, and gradients are full of them
 * wherever a softmax has come to choose. A thread's register MXCSR says whether they are computed or flushed. C sets it with
 * `fesetenv`, from a structure whose layout is that of Linux on x86-64 here. Other processors take no longer for subnormal
 * numbers than for any, and keep them.
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, sections 10.2.3.3 and 10.2.3.4.
 */

import type { IO } from 'fp-ts/lib/IO.js'
import type { Koffi } from '../koffi.js'

/** Runs native code and nothing else: JavaScript is promised subnormal numbers. */
export type Flushing = (native: IO<void>) => void

const keeping: Flushing = (native) => native()

/** Byte of MXCSR in `fenv_t`, after the 28 bytes of the x87's environment. */
const mxcsrByte = 28

/** FZ, flush results to zero, and DAZ, denormals are zeros. */
const flushingBits = 0x8040

/** Room for any `fenv_t`. So long an array lies outside the heap of the engine, which moves what is in it. */
const environmentBytes = 512

const ofLinux = (koffi: Koffi): Flushing => {
  const process = koffi.load(null)
  const get = process.func('int fegetenv(void *)') as (environment: Uint8Array) => number
  const set = process.func('int fesetenv(void *)') as (address: bigint) => number
  const [usual, flushed] = [new Uint8Array(environmentBytes), new Uint8Array(environmentBytes)]
  get(usual)
  flushed.set(usual)
  const words = new DataView(flushed.buffer)
  words.setUint32(mxcsrByte, words.getUint32(mxcsrByte, true) | flushingBits, true)
  const [enter, leave] = [koffi.address(flushed), koffi.address(usual)]
  // Addresses keep no array alive; this function does.
  const held = { usual, flushed, enter, leave }
  return (native) => {
    set(held.enter)
    try {
      native()
    } finally {
      set(held.leave)
    }
  }
}

/** How native code is run on this machine. */
export const flushing = (koffi: Koffi): Flushing =>
  process.platform === 'linux' && process.arch === 'x64' ? ofLinux(koffi) : keeping
