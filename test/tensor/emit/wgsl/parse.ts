/** The WGSL that library functions are written in: declarations of names, one result, and no statements else. */

export type Expr =
  | { readonly _tag: 'literal'; readonly type: 'f32' | 'u32' | 'any'; readonly value: number }
  | { readonly _tag: 'name'; readonly name: string }
  | { readonly _tag: 'call'; readonly name: string; readonly args: ReadonlyArray<Expr> }
  | { readonly _tag: 'unary'; readonly op: string; readonly x: Expr }
  | { readonly _tag: 'binary'; readonly op: string; readonly left: Expr; readonly right: Expr }
  | { readonly _tag: 'member'; readonly x: Expr; readonly at: 0 | 1 }
  | { readonly _tag: 'element'; readonly x: Expr; readonly at: Expr }

export type Declaration = {
  readonly name: string
  readonly params: ReadonlyArray<readonly [name: string, type: string]>
  readonly result: string
  readonly lets: ReadonlyArray<readonly [name: string, value: Expr]>
  readonly value: Expr
}

const levels = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%']
]

const levelOf = (token: string | undefined): number =>
  levels.findIndex((level) => token !== undefined && level.includes(token))

const number = String.raw`0x[0-9a-f]+u?|\d+(?:\.\d+)?(?:e[-+]?\d+)?[fu]?`
const tokens = new RegExp(String.raw`\w+<\w+(?:, \d+)?>(?=\()|${number}|[A-Za-z_]\w*|<<|>>|[<>=!]=|&&|\|\||\S`, 'g')

const literal = (token: string): Expr => {
  const isHex = token.startsWith('0x')
  const value = Number(token.replace(isHex ? /u$/ : /[fu]$/, ''))
  const type = token.endsWith('u') ? 'u32' : token.endsWith('f') && !isHex ? 'f32' : 'any'
  return { _tag: 'literal', type, value: type === 'f32' ? Math.fround(value) : value }
}

export const parse = (text: string): Expr => {
  const found: ReadonlyArray<string> = text.match(tokens) ?? []
  let at = 0
  const expect = (token: string): void => {
    if (found[at++] !== token) throw new Error(`no ${token} before ${found.slice(at - 1).join(' ')}`)
  }
  const list = (end: string): ReadonlyArray<Expr> => {
    const parts: Array<Expr> = []
    while (found[at] !== end) {
      parts.push(expression(0))
      if (found[at] !== end) expect(',')
    }
    at++
    return parts
  }
  const primary = (): Expr => {
    const token = found[at++]
    if (['-', '~', '!'].includes(token)) return { _tag: 'unary', op: token, x: primary() }
    if (token === '(') return suffixed(list(')')[0])
    if (/^\d/.test(token)) return literal(token)
    if (found[at] !== '(') return suffixed({ _tag: 'name', name: token })
    at++
    return suffixed({ _tag: 'call', name: token, args: list(')') })
  }
  const suffixed = (x: Expr): Expr => {
    if (found[at] === '.') {
      at += 2
      return { _tag: 'member', x, at: found[at - 1] === 'x' ? 0 : 1 }
    }
    if (found[at] !== '[') return x
    at++
    return { _tag: 'element', x, at: list(']')[0] }
  }
  const expression = (least: number): Expr => {
    let left = primary()
    for (let level = levelOf(found[at]); level >= least; level = levelOf(found[at]))
      left = { _tag: 'binary', op: found[at++], left, right: expression(level + 1) }
    return left
  }
  const parsed = expression(0)
  if (at !== found.length) throw new Error(`${found.slice(at).join(' ')} is left of ${text}`)
  return parsed
}

const matched = (pattern: RegExp, text: string): ReadonlyArray<string> => {
  const found = pattern.exec(text)
  if (found === null) throw new Error(`no ${pattern.source} in ${text}`)
  return found
}

/** The functions of a library, in its order. */
export const declarations = (library: string): ReadonlyArray<Declaration> =>
  library
    .replace(/\/\/.*/g, '')
    .split(/^fn /m)
    .slice(1)
    .map((source) => {
      const [, name, params, result, body] = matched(/^(\w+)\((.*)\) -> (\S+) \{([^]*)\}\s*$/, source)
      const statements = body.split(';').map((line) => line.trim())
      return {
        name,
        params: params.split(', ').map((param) => {
          const [, of, type] = matched(/^(\w+): (\S+)$/, param)
          return [of, type] as const
        }),
        result,
        lets: statements.slice(0, -2).map((line) => {
          const [, of, value] = matched(/^(?:let|var) (\w+) = ([^]*)$/, line)
          return [of, parse(value)] as const
        }),
        value: parse(matched(/^return ([^]*)$/, statements.at(-2) ?? '')[1])
      }
    })
