/**
 * The MPI of this machine: where it is looked for, and how it is called.
 *
 * There are two binary interfaces. Open MPI's handles are addresses of its variables; those of MPICH, and of all that keep its
 * ABI (Intel MPI, MVAPICH, Cray MPICH), are numbers, given in its `mpi.h`.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../../tensor/dtype.js'
import { firstOf, importKoffi, offers, type Koffi, type LibraryHandle } from '../../tensor/run/koffi.js'
import type { WorkerError } from '../error.js'
import type { Launch } from './launch.js'

/** What was begun: every call goes on with it, and tells whether it is done. Then it is not called again. */
export type Begun = IOEither<WorkerError, boolean>

/**
 * Until the world is entered, and once it is left, only what describes the library may be called. All calls are from the main
 * thread. Every rank begins the same operations in the same order.
 */
export type MpiLibrary = {
  /** The path or soname that it was loaded by. */
  readonly path: string
  /** As it tells it, such as `Open MPI v4.1.4`. */
  readonly version: string
  /** Joins the world, when all others do: once, from the main thread, which waits. */
  readonly enter: IOEither<WorkerError, { readonly rank: number; readonly ranks: number }>
  /** Begins to replace an array by its sum over the world. */
  readonly sum: (array: Data) => IOEither<WorkerError, Begun>
  /** Begins to replace an array by that of rank 0. */
  readonly broadcast: (array: Data) => IOEither<WorkerError, Begun>
  /** Ends all processes of the world with this exit code. */
  readonly abort: (code: number) => IO<void>
  /** Leaves the world, when all others do: from the main thread, which waits. */
  readonly leave: IO<void>
}

const openMpi = { linux: ['libmpi.so.40', 'libmpi.so'], darwin: ['libmpi.40.dylib', 'libmpi.dylib'] }

/** `libmpi.so.12` is the soname of the ABI, `libmpich.so.12` what Debian calls it. */
const mpich = {
  linux: ['libmpi.so.12', 'libmpich.so.12', 'libmpich.so'],
  darwin: ['libmpi.12.dylib', 'libmpich.12.dylib']
}

const candidates: Readonly<Record<Launch['kind'], Partial<Record<string, ReadonlyArray<string>>>>> = {
  'Open MPI': openMpi,
  PMI: mpich
}

const remedy =
  "Install the launcher's MPI library (Debian and Ubuntu: apt-get install openmpi-bin for Open MPI, mpich for MPICH), " +
  'or name it in PURE_ELECTRA_MPI'

export const mpiUnavailable = (reason: string): WorkerError => ({ _tag: 'MpiUnavailable', reason })

// -------------------------------------------------------------------- handles

/** What stands for a communicator, a type or an operation: an address, or a number. */
type Handle = unknown

type Interface = {
  /** The C type of a handle. */
  readonly handle: 'void *' | 'int'
  readonly world: Handle
  readonly sum: Handle
  readonly errorsReturn: Handle
  /** The addresses that stand for `in place`, and for a status that is not wanted. */
  readonly inPlace: bigint
  readonly statusIgnore: bigint
  readonly types: {
    readonly f32: Handle
    readonly f64: Handle
    readonly i32: Handle
    readonly u32: Handle
    readonly u8: Handle
  }
}

const openMpiInterface = (library: LibraryHandle): Interface => {
  const at = (name: string): Handle => library.symbol(name)
  return {
    handle: 'void *',
    world: at('ompi_mpi_comm_world'),
    sum: at('ompi_mpi_op_sum'),
    errorsReturn: at('ompi_mpi_errors_return'),
    inPlace: 1n,
    statusIgnore: 0n,
    types: {
      f32: at('ompi_mpi_float'),
      f64: at('ompi_mpi_double'),
      i32: at('ompi_mpi_int'),
      u32: at('ompi_mpi_unsigned'),
      u8: at('ompi_mpi_unsigned_char')
    }
  }
}

const mpichInterface: Interface = {
  handle: 'int',
  world: 0x44000000,
  sum: 0x58000003,
  errorsReturn: 0x54000001,
  inPlace: 2n ** 64n - 1n,
  statusIgnore: 1n,
  types: { f32: 0x4c00040a, f64: 0x4c00080b, i32: 0x4c000405, u32: 0x4c000406, u8: 0x4c000102 }
}

const typeOf = ({ types }: Interface, array: Data): Handle => {
  if (array instanceof Float32Array) return types.f32
  if (array instanceof Float64Array) return types.f64
  if (array instanceof Int32Array) return types.i32
  if (array instanceof Uint32Array) return types.u32
  return types.u8
}

/** Longer than the version text of either: MPICH's has up to 8192 characters. */
const textBytes = 8192

const textFrom = (bytes: Buffer): string => bytes.toString('latin1').split('\0')[0]

const versionOf = (library: LibraryHandle): string => {
  const [text, length] = [Buffer.alloc(textBytes), Buffer.alloc(4)]
  library.func('int MPI_Get_library_version(void *, void *)')(text, length)
  return textFrom(text)
}

/** The interface of a library, and a short form of its version; `Left` for an MPI of neither kind. */
const interfaceOf = (library: LibraryHandle): E.Either<string, readonly [Interface, string]> => {
  const version = versionOf(library)
  const openMpi = /^Open MPI v[\w.]+/.exec(version)
  if (openMpi !== null) return E.right([openMpiInterface(library), openMpi[0]])
  const mpich = /(MPICH|MVAPICH)\s+Version\s*:\s*(\S+)|Intel\(R\) MPI Library [\d.]+/i.exec(version)
  if (mpich !== null) return E.right([mpichInterface, mpich[2] === undefined ? mpich[0] : `${mpich[1]} ${mpich[2]}`])
  return E.left(`it is neither Open MPI nor of the ABI of MPICH: ${version.slice(0, 60)}`)
}

// ---------------------------------------------------------------------- calls

/** A function of the library, which gives an error code. */
type Call = (...args: ReadonlyArray<unknown>) => number

/** All calls are from the main thread. */
const funneled = 1

/** Longer than what stands for an operation that was begun: an address or a number. */
const requestBytes = 8

/**
 * UCX, which MPI libraries send with, replaces the process's `brk` and `munmap` to learn of memory that is given back. Node.js
 * does not survive that: 2 runs in 55 crashed with MPICH 4.0.2 and UCX 1.13, and none of 110 without. Who knows better sets it.
 */
const leaveMemoryAlone: IO<void> = () => {
  process.env.UCX_MEM_EVENTS ??= 'no'
}

const bind = (koffi: Koffi, path: string): E.Either<string, MpiLibrary> => {
  leaveMemoryAlone()
  // Open MPI's plugins look for its symbols among those of the process.
  const library = koffi.load(path, { global: true })
  if (!offers(library, 'MPI_Get_library_version')) return E.left('it has no MPI_Get_library_version')
  return pipe(
    interfaceOf(library),
    E.map(([abi, version]) => {
      const { handle, world } = abi
      const declare = (name: string, ...types: ReadonlyArray<string>): Call =>
        library.func(name, 'int', [...types]) as Call
      const errorString = declare('MPI_Error_string', 'int', 'void *', 'void *')
      const check = (call: string, code: number): E.Either<WorkerError, void> => {
        if (code === 0) return E.right(undefined)
        const text = Buffer.alloc(textBytes)
        errorString(code, text, Buffer.alloc(4))
        return E.left({ _tag: 'MpiFailed', call, reason: textFrom(text) })
      }
      const asked = (name: string): number => {
        const answer = Buffer.alloc(4)
        declare(name, handle, 'void *')(world, answer)
        return answer.readInt32LE()
      }
      // Native code works on them from begin to end, and does not keep them from being collected.
      const held = new Set<Data>()
      const test = declare('MPI_Test', 'void *', 'void *', 'void *')
      const beginning =
        (name: string, call: Call, argumentsFor: (array: Data) => ReadonlyArray<unknown>) =>
        (array: Data): IOEither<WorkerError, Begun> =>
        () => {
          const [request, flag] = [Buffer.alloc(requestBytes), Buffer.alloc(4)]
          held.add(array)
          return pipe(
            check(name, call(...argumentsFor(array), request)),
            E.map((): Begun => () => {
              const asked = check(name, test(request, flag, abi.statusIgnore))
              const isOver = E.isLeft(asked) || flag.readInt32LE() !== 0
              if (isOver) held.delete(array)
              return E.map(() => isOver)(asked)
            })
          )
        }
      const enter: MpiLibrary['enter'] = () => {
        const provided = Buffer.alloc(4)
        const init = declare('MPI_Init_thread', 'void *', 'void *', 'int', 'void *')
        return pipe(
          check('MPI_Init_thread', init(null, null, funneled, provided)),
          E.chain(() =>
            provided.readInt32LE() >= funneled
              ? check(
                  'MPI_Comm_set_errhandler',
                  declare('MPI_Comm_set_errhandler', handle, handle)(world, abi.errorsReturn)
                )
              : E.left(mpiUnavailable(`${version} (${path}) was built for processes without threads`))
          ),
          E.map(() => ({ rank: asked('MPI_Comm_rank'), ranks: asked('MPI_Comm_size') }))
        )
      }
      return {
        path,
        version,
        enter,
        sum: beginning(
          'MPI_Iallreduce',
          declare('MPI_Iallreduce', 'void *', 'void *', 'int', handle, handle, handle, 'void *'),
          (array) => [abi.inPlace, koffi.address(array), array.length, typeOf(abi, array), abi.sum, world]
        ),
        broadcast: beginning(
          'MPI_Ibcast',
          declare('MPI_Ibcast', 'void *', 'int', handle, 'int', handle, 'void *'),
          (array) => [koffi.address(array), array.length, typeOf(abi, array), 0, world]
        ),
        abort: (code) => () => {
          declare('MPI_Abort', handle, 'int')(world, code)
        },
        leave: () => {
          library.func('int MPI_Finalize()')()
        }
      }
    })
  )
}

/** The library that the environment variable `PURE_ELECTRA_MPI` names, if it does. */
const namedLibrary: IO<string | undefined> = () => process.env.PURE_ELECTRA_MPI || undefined

/**
 * Loads the MPI of a kind: the library that the environment variable `PURE_ELECTRA_MPI` names, else the first known one that is
 * found. A library that was named and does not load is an error, never a reason to take another.
 *
 * Needs the optional package `koffi`. Fails with `MpiUnavailable`, which says what was tried and what to install.
 */
export const openMpiLibrary = (kind: Launch['kind']): TE.TaskEither<WorkerError, MpiLibrary> =>
  pipe(
    importKoffi,
    TE.chainEitherK((koffi) => {
      const named = namedLibrary()
      const names = named === undefined ? (candidates[kind][process.platform] ?? []) : [named]
      return pipe(
        firstOf(names, (path) => bind(koffi, path)),
        E.mapLeft((tried) => `no MPI library could be loaded: ${tried}. ${remedy}`)
      )
    }),
    TE.mapLeft(mpiUnavailable)
  )
