/** Functions, and the module that they make together. */

import { range } from '../../../range.js'
import { type Code, type Local, type ValueType, typeByte, flatten, unsigned } from './code.js'

/** A function of a module, by which others call it. */
export type Callee = { readonly number: number }

export const call = ({ number }: Callee, ...args: ReadonlyArray<Code>): Code => [args, 0x10, unsigned(number)]

/** While a function is written: its parameters, and a source of new locals. */
export type Scope = {
  readonly params: ReadonlyArray<Local>
  readonly local: (type: ValueType) => Local
  /** So many of them. */
  readonly locals: (type: ValueType, count: number) => ReadonlyArray<Local>
}

export type FunctionSource = {
  readonly params: ReadonlyArray<ValueType>
  readonly results: ReadonlyArray<ValueType>
  /** The name it is exported under. */
  readonly name?: string
  /** The body leaves the results on the stack. */
  readonly body: (scope: Scope) => Code
}

/** A module while it is written. */
export type ModuleDraft = {
  readonly add: (source: FunctionSource) => Callee
  /** The bytes of everything added so far. Imports `env.memory`; `shared` says which kind. */
  readonly bytes: (shared: boolean) => Uint8Array<ArrayBuffer>
}

const list = (items: ReadonlyArray<Code>): Code => [unsigned(items.length), items]

const sized = (code: Code): Code => {
  const bytes = flatten(code)
  return [unsigned(bytes.length), bytes]
}

const section = (id: number, code: Code): Code => [id, sized(code)]

const text = (s: string): Code => list([...new TextEncoder().encode(s)])

/** The most pages a 32-bit memory can have: 4 GiB. */
export const maximumPages = 65_536

/** Locals in the order of their numbers, equal neighbours counted together. */
const declarations = (types: ReadonlyArray<ValueType>): Code => {
  const runs: Array<{ readonly type: ValueType; count: number }> = []
  for (const type of types) {
    const last = runs.at(-1)
    if (last?.type === type) last.count++
    else runs.push({ type, count: 1 })
  }
  return list(runs.map(({ type, count }) => [unsigned(count), typeByte[type]]))
}

const functionType = ({ params, results }: Pick<FunctionSource, 'params' | 'results'>): Code => [
  0x60,
  list(params.map((t) => typeByte[t])),
  list(results.map((t) => typeByte[t]))
]

export const moduleDraft = (): ModuleDraft => {
  const functions: Array<{ readonly source: FunctionSource; readonly code: Code }> = []
  return {
    add: (source) => {
      const types: Array<ValueType> = []
      const params = source.params.map((type, index) => ({ type, index }))
      const local = (type: ValueType): Local => ({ type, index: params.length + types.push(type) - 1 })
      const locals = (type: ValueType, count: number): ReadonlyArray<Local> => range(count).map(() => local(type))
      const body = source.body({ params, local, locals })
      functions.push({ source, code: flatten(sized([declarations(types), body, 0x0b])) })
      return { number: functions.length - 1 }
    },
    bytes: (shared) => {
      const limits = [shared ? 0x03 : 0x01, unsigned(0), unsigned(maximumPages)]
      const types = new Map<string, number>()
      const typeCodes: Array<Code> = []
      const typeOf = (source: FunctionSource): number => {
        const code = functionType(source)
        const key = flatten(code).join()
        const old = types.get(key)
        if (old !== undefined) return old
        types.set(key, typeCodes.length)
        return typeCodes.push(code) - 1
      }
      const typeNumbers = functions.map(({ source }) => unsigned(typeOf(source)))
      const exported = functions.flatMap(({ source: { name } }, i) =>
        name === undefined ? [] : [[text(name), 0x00, unsigned(i)]]
      )
      return flatten([
        [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
        section(1, list(typeCodes)),
        section(2, list([[text('env'), text('memory'), 0x02, limits]])),
        section(3, list(typeNumbers)),
        section(7, list(exported)),
        section(10, list(functions.map(({ code }) => code)))
      ])
    }
  }
}
