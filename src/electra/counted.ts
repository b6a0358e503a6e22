/** `1 document`, `1,234 documents`; `1 entry`, `2 entries` where the plural is given. */
export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`
