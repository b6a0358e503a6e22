/**
 * Single values of a configuration, set as `optimizer.learningRate=1e-3` over what a file or a preset says.
 */

import * as E from 'fp-ts/lib/Either.js'
import { configKeys, unknownKey, type ConfigProblem } from './schema.js'

type Setting = { readonly path: string; readonly value: unknown }

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** Text where the key takes text; else what it looks like. The schema then judges the value as it judges a file's. */
const typed = (key: (typeof configKeys)[number], text: string): unknown => {
  if (key.schema.safeParse(text).success) return text
  if (number.test(text)) return Number(text)
  return text === 'true' ? true : text === 'false' ? false : text
}

const parseSetting = (text: string): E.Either<ConfigProblem, Setting> => {
  const at = text.indexOf('=')
  if (at < 1) return E.left({ path: text, found: 'no value', expected: 'KEY=VALUE, as optimizer.learningRate=1e-3' })
  const path = text.slice(0, at).trim()
  const key = configKeys.find((k) => k.path === path)
  return key === undefined
    ? E.left(
        unknownKey(
          path,
          configKeys.map((k) => k.path)
        )
      )
    : E.right({ path, value: typed(key, text.slice(at + 1).trim()) })
}

type Json = Readonly<Record<string, unknown>>

const isObject = (x: unknown): x is Json => typeof x === 'object' && x !== null && !Array.isArray(x)

/** Of a pair only one may be given, so the one that is set takes the other's place. */
const rivals: ReadonlyMap<string, string> = new Map(
  [
    ['generator.hiddenSize', 'generator.hiddenMultiplier'],
    ['generator.layers', 'generator.layersMultiplier']
  ].flatMap(([a, b]) => [[a, b] as const, [b, a] as const])
)

const without = (path: string, input: Json): Json => {
  const [section, key] = path.split('.')
  const inner = input[section]
  if (!isObject(inner)) return input
  return { ...input, [section]: Object.fromEntries(Object.entries(inner).filter(([k]) => k !== key)) }
}

const withValue = (input: Json, { path, value }: Setting): Json => {
  const rival = rivals.get(path)
  const cleared = rival === undefined ? input : without(rival, input)
  const [section, key] = path.split('.')
  if (key === undefined) return { ...cleared, [section]: value }
  const inner = cleared[section]
  return { ...cleared, [section]: { ...(isObject(inner) ? inner : {}), [key]: value } }
}

/** A recipe keeps its name only while nothing about it is changed. One from a preset is renamed where it is resolved. */
const renamed = (input: Json): Json =>
  typeof input.name === 'string' && !input.name.endsWith(', changed')
    ? { ...input, name: `${input.name.slice(0, 90)}, changed` }
    : input

/**
 * A configuration's JSON value with settings laid over it, the last of equal keys on top. Fails with every setting that has
 * no value or whose key is unknown; what the values are is for `resolveConfig` to judge.
 */
export const applySettings =
  (settings: ReadonlyArray<string>) =>
  (input: unknown): E.Either<ReadonlyArray<ConfigProblem>, unknown> => {
    if (settings.length === 0 || !isObject(input)) return E.right(input)
    const parsed = settings.map(parseSetting)
    const problems = parsed.flatMap((p) => (E.isLeft(p) ? [p.left] : []))
    return problems.length > 0
      ? E.left(problems)
      : E.right(parsed.reduce<Json>((json, p) => (E.isRight(p) ? withValue(json, p.right) : json), renamed(input)))
  }
