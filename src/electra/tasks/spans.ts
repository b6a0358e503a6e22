/**
 * Spans of words (chunks, entities) as a tag for each word, and back.
 *
 * In BIO tags `B-X` begins a span of type X and `I-X` continues it; BIOES also says where one ends (`E-X`) and that one is a
 * single word (`S-X`). `O` is outside of all. Any text is a tag here: what has no hyphen is a type without a place.
 */

/** The words `start` to `end`, both counted from 0 and both in it. */
export type Span = { readonly start: number; readonly end: number; readonly type: string }

export type TagScheme = 'BIO' | 'BIOES'

/**
 * Spans as tags, `O` where there is none. Spans must lie in [0, length); what lies beyond is left out. Where two overlap, the
 * later in the list is written over the other, as in the official repository.
 */
export const tagsOfSpans =
  (scheme: TagScheme, length: number) =>
  (spans: ReadonlyArray<Span>): ReadonlyArray<string> => {
    const tags = new Array<string>(length).fill('O')
    const put = (at: number, tag: string): void => {
      if (at >= 0 && at < length) tags[at] = tag
    }
    for (const { start, end, type } of spans) {
      for (let at = Math.max(0, start); at <= Math.min(end, length - 1); at++) tags[at] = `I-${type}`
      if (scheme === 'BIOES') put(end, `E-${type}`)
      put(start, `B-${type}`)
      if (scheme === 'BIOES' && start === end) put(start, `S-${type}`)
    }
    return tags
  }

const partsOf = (tag: string): readonly [place: string, type: string] => {
  const hyphen = tag.indexOf('-')
  return hyphen === -1 ? ['', tag] : [tag.slice(0, hyphen), tag.slice(hyphen + 1)]
}

/**
 * The spans of tags as the official ELECTRA repository decodes them, in training and in scoring.
 *
 * A span begins at `B` or `S`, and after `O`; it ends before `O`, `B` and `S`. A change of type alone does not split, and the type
 * is that of the last tag: `[I-NP I-NP I-VP O I-NP]` is (0, 2, VP), (4, 4, NP). Equals the official decoding on tags of one
 * hyphen; it ends with an error at others.
 */
export const officialSpans = (tags: ReadonlyArray<string>): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  let start = 0
  let last = 'O'
  const close = (end: number): void => {
    if (last !== 'O') spans.push({ start, end, type: partsOf(last)[1] })
  }
  for (const [i, tag] of tags.entries()) {
    const [place] = partsOf(tag)
    const begins = place === 'B' || place === 'S'
    if (begins || tag === 'O') close(i - 1)
    if (begins || last === 'O') start = i
    last = tag
  }
  close(tags.length - 1)
  return spans
}

/**
 * The spans of tags as seqeval's default mode (and the script conlleval) decodes them.
 *
 * A span begins at `B` and `S`, at `I` and `E` after `O`, `E` or `S`, and wherever the type changes; it ends before `O`, `B` and
 * `S`, after `E` and `S`, and where the type changes. `[I-NP I-NP I-VP]` is (0, 1, NP), (2, 2, VP).
 *
 * The place is the tag's first character, whatever follows; a type that is empty is `_`.
 */
export const seqevalSpans = (tags: ReadonlyArray<string>): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  let before = { place: 'O', type: '' }
  let start = 0
  for (const [i, tag] of [...tags, 'O'].entries()) {
    const now = seqevalParts(tag)
    if (endsBetween(before, now)) spans.push({ start, end: i - 1, type: before.type })
    if (beginsBetween(before, now)) start = i
    before = now
  }
  return spans
}

type Place = { readonly place: string; readonly type: string }

const seqevalParts = (tag: string): Place => {
  const [place = 'O'] = tag
  const rest = tag.slice(place.length)
  const type = rest.slice(rest.indexOf('-') + 1)
  return { place, type: type === '' ? '_' : type }
}

/** A span is never open after these. */
const isOutside = ({ place }: Place): boolean => place === 'O' || place === '.'

const endsBetween = (before: Place, now: Place): boolean =>
  before.place === 'E' ||
  before.place === 'S' ||
  ((before.place === 'B' || before.place === 'I') && ['B', 'S', 'O'].includes(now.place)) ||
  (!isOutside(before) && before.type !== now.type)

const beginsBetween = (before: Place, now: Place): boolean =>
  now.place === 'B' ||
  now.place === 'S' ||
  (['E', 'S', 'O'].includes(before.place) && (now.place === 'E' || now.place === 'I')) ||
  (!isOutside(now) && before.type !== now.type)
