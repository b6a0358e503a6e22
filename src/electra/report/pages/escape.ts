/** Any text as the content of an element, or of an attribute in double quotes. What XML and HTML have no place for is left out. */
export const escaped = (text: string): string =>
  text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]/g, '')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')

/** What a heading is linked to by, unlike all in `taken`. */
export const anchorOf = (text: string, taken: ReadonlyArray<string>): string => {
  const plain =
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-|-$/g, '') || 'section'
  if (!taken.includes(plain)) return plain
  const free = (n: number): string => (taken.includes(`${plain}-${n}`) ? free(n + 1) : `${plain}-${n}`)
  return free(2)
}
