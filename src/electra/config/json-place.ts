/**
 * Where a text stops being JSON: engines say it in words of their own, or not at all.
 */

const tokenAt =
  /[{}[\]:,]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

const spacesAt = /[ \t\n\r]*/y

/** What may come next. Behind a value it is decided by what is open. */
type Expected = 'value' | 'first of an array' | 'first of an object' | 'key' | 'colon' | 'behind a value'

type Scan = { readonly open: ReadonlyArray<'{' | '['>; readonly expected: Expected }

/** `undefined` where the token may not stand there. */
const after = ({ open, expected }: Scan, token: string): Scan | undefined => {
  const closed: Scan = { open: open.slice(0, -1), expected: 'behind a value' }
  switch (expected) {
    case 'first of an array':
      return token === ']' ? closed : after({ open, expected: 'value' }, token)
    case 'value':
      if (token === '{') return { open: [...open, '{'], expected: 'first of an object' }
      if (token === '[') return { open: [...open, '['], expected: 'first of an array' }
      return '}]:,'.includes(token) ? undefined : { open, expected: 'behind a value' }
    case 'first of an object':
      return token === '}' ? closed : after({ open, expected: 'key' }, token)
    case 'key':
      return token.startsWith('"') ? { open, expected: 'colon' } : undefined
    case 'colon':
      return token === ':' ? { open, expected: 'value' } : undefined
    case 'behind a value': {
      const inside = open.at(-1)
      if (token === ',' && inside !== undefined) return { open, expected: inside === '{' ? 'key' : 'value' }
      return (token === '}' && inside === '{') || (token === ']' && inside === '[') ? closed : undefined
    }
  }
}

const lengthAt = (pattern: RegExp, text: string, index: number): number => {
  const sticky = new RegExp(pattern)
  sticky.lastIndex = index
  return sticky.exec(text)?.[0].length ?? 0
}

/**
 * The index of the first token that cannot stand where it does, or of the end where there is too little; `undefined` of JSON.
 */
export const indexOfJsonError = (text: string): number | undefined => {
  let scan: Scan = { open: [], expected: 'value' }
  let at = lengthAt(spacesAt, text, 0)
  while (at < text.length) {
    const length = lengthAt(tokenAt, text, at)
    const next: Scan | undefined = length === 0 ? undefined : after(scan, text.slice(at, at + length))
    if (next === undefined) return at
    scan = next
    at += length
    at += lengthAt(spacesAt, text, at)
  }
  return scan.open.length === 0 && scan.expected === 'behind a value' ? undefined : at
}

/** `line 3, column 7`: where a text is not JSON any more. */
export const placeOfJsonError = (text: string): string | undefined => {
  const index = indexOfJsonError(text)
  if (index === undefined) return undefined
  const lines = text.slice(0, index).split('\n')
  return `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`
}
