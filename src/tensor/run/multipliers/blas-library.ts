/**
 * The BLAS of this machine: where it is looked for, how it is kept to one thread, and how its matrix product is called.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DeviceError } from '../device.js'
import { firstOf, importKoffi, isNode, offers, type Koffi, type LibraryHandle } from '../koffi.js'
import { flushing, type Flushing } from './subnormals.js'

/**
 * `cblas_sgemm`: `out = alpha left right + beta out`. Matrices are addresses in bytes with the distance between lines in
 * elements. Whoever calls answers for the addresses.
 */
export type Sgemm = (
  order: number,
  leftTransposition: number,
  rightTransposition: number,
  m: number,
  n: number,
  k: number,
  alpha: number,
  left: number,
  leftLine: number,
  right: number,
  rightLine: number,
  beta: number,
  out: number,
  outLine: number
) => void

export type BlasLibrary = {
  /** The path or soname that it was loaded by. */
  readonly path: string
  /** Name, version and kernels, as it tells them, such as `OpenBLAS 0.3.21 Haswell, 1 thread`. */
  readonly description: string
  readonly sgemm: Sgemm
  /** What calls of `sgemm` stand in: subnormal numbers are zeros to them where they would be slow. Takes 0.2 us. */
  readonly flushing: Flushing
  /** Where the first element of an array is. Exact: user space ends below 2^53 on every platform that Node runs on. */
  readonly addressOf: (array: Float32Array) => number
}

/**
 * `libblas.so.3` is not among them: behind that name there may be the reference BLAS, which makes 7 GFLOP/s where OpenBLAS makes
 * 110 and a product in WASM SIMD 50. Who has something better there names it.
 */
const candidates: Partial<Record<string, ReadonlyArray<string>>> = {
  linux: ['libopenblas.so.0', 'libopenblas.so', 'libmkl_rt.so.2', 'libmkl_rt.so'],
  darwin: ['/System/Library/Frameworks/Accelerate.framework/Accelerate', 'libopenblas.dylib'],
  win32: ['openblas.dll', 'libopenblas.dll', 'mkl_rt.2.dll']
}

const remedy =
  'Install OpenBLAS (Debian and Ubuntu: apt-get install libopenblas0-pthread; Fedora: dnf install openblas-serial), ' +
  'or name a library with cblas_sgemm and 32-bit integers in PURE_ELECTRA_BLAS'

/** What is particular to one make of BLAS. */
type Make = {
  /** The function that it is known by. */
  readonly mark: string
  /** Has it compute on the calling thread alone, and describes it. */
  readonly settle: (library: LibraryHandle) => E.Either<string, string>
}

const call = <A>(library: LibraryHandle, prototype: string, ...args: ReadonlyArray<unknown>): A =>
  library.func(prototype)(...args) as A

const makes: ReadonlyArray<Make> = [
  {
    mark: 'openblas_get_config',
    settle: (library) => {
      const config = call<string>(library, 'str openblas_get_config()')
      if (config.includes('USE64BITINT')) return E.left('it counts in 64-bit integers')
      call(library, 'void openblas_set_num_threads(int)', 1)
      const version = /^OpenBLAS \S+/.exec(config)?.[0] ?? 'OpenBLAS'
      return E.right(`${version} ${call<string>(library, 'str openblas_get_corename()')}, 1 thread`)
    }
  },
  {
    mark: 'MKL_Set_Threading_Layer',
    settle: (library) => {
      // MKL_INTERFACE_LP64, MKL_THREADING_SEQUENTIAL: both heeded before any other call only.
      call(library, 'int MKL_Set_Interface_Layer(int)', 0)
      call(library, 'int MKL_Set_Threading_Layer(int)', 1)
      call(library, 'void MKL_Set_Num_Threads(int)', 1)
      const text = Buffer.alloc(256)
      call(library, 'void MKL_Get_Version_String(void *, int)', text, text.length)
      return E.right(`${text.toString('latin1').split('\0')[0].trim()}, 1 thread`)
    }
  },
  {
    // macOS 15 and later; earlier ones know only the environment variable VECLIB_MAXIMUM_THREADS.
    mark: 'BLASSetThreading',
    settle: (library) => {
      const isSingle = call<number>(library, 'int BLASSetThreading(unsigned int)', 1) === 0
      return E.right(isSingle ? 'Accelerate, 1 thread' : 'Accelerate, threads of its own')
    }
  }
]

const bind = (koffi: Koffi, path: string): E.Either<string, BlasLibrary> => {
  const library = koffi.load(path)
  if (!offers(library, 'cblas_sgemm')) return E.left('it has no cblas_sgemm')
  const make = makes.find(({ mark }) => offers(library, mark))
  const address = 'void *'
  const sgemm = library.func('cblas_sgemm', 'void', [
    ...['int', 'int', 'int', 'int', 'int', 'int'],
    ...['float', address, 'int', address, 'int', 'float', address, 'int']
  ])
  return pipe(
    make === undefined ? E.right(path) : make.settle(library),
    E.map((description) => ({
      path,
      description,
      sgemm: sgemm as Sgemm,
      flushing: flushing(koffi),
      addressOf: (array) => Number(koffi.address(array))
    }))
  )
}

const unavailable = (reason: string): DeviceError => ({
  _tag: 'DeviceUnavailable',
  wanted: 'blas',
  reason,
  available: ['own']
})

/** The library that the environment variable `PURE_ELECTRA_BLAS` names, if it does. */
export const namedLibrary: IO<string | undefined> = () => (isNode && process.env.PURE_ELECTRA_BLAS) || undefined

/** The one library that was asked for, or those to look for. */
const namesToTry = (library = namedLibrary()): ReadonlyArray<string> =>
  library === undefined ? (candidates[process.platform] ?? []) : [library]

/**
 * Loads `library` if given, else the one that the environment variable `PURE_ELECTRA_BLAS` names, else the first known one
 * that is found. A library that was named and does not load is an error, never a reason to take another.
 *
 * Fails with `DeviceUnavailable`, which says what was tried and what to install.
 */
export const openLibrary = (library?: string): TE.TaskEither<DeviceError, BlasLibrary> =>
  pipe(
    importKoffi,
    TE.chainEitherK((koffi) =>
      pipe(
        firstOf(namesToTry(library), (path) => bind(koffi, path)),
        E.mapLeft((tried) => `no BLAS library could be loaded: ${tried}. ${remedy}`)
      )
    ),
    TE.mapLeft(unavailable)
  )
