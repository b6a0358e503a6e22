/**
 * `corpus.json`: what a corpus holds, how it was made, and the hashes that its files must have.
 */

import { createHash } from 'node:crypto'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as z from 'zod'
import { bracketsIn } from '../../../tensor/strict-json.js'
import type { TokenizerOptions } from '../vocabulary/tokenizer-json.js'
import type { Damage } from '../sentences.js'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 in lower-case hexadecimal')
const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1)

const split = z.strictObject({ documents: count, sentences: count, tokens: count, sha256 })

const manifest = z.strictObject({
  format: z.literal('pure-electra corpus'),
  version: z.literal(1),
  tokenizer: z.strictObject({
    library: z.literal('tokenizers'),
    version: z.string(),
    lowercase: z.boolean(),
    stripAccents: z.boolean(),
    /** Corpora that do not say have Han characters isolated, and words of up to 200 code points. */
    isolateHan: z.boolean().optional(),
    longestWord: count.optional()
  }),
  vocabulary: z.strictObject({ origin: z.enum(['trained', 'given']), size: count, sha256 }),
  /** Whether an empty line ends a document; the end of a file always does. */
  blanksSeparateDocuments: z.boolean(),
  train: split,
  heldOut: split,
  /** The texts in the order they were read. Names are below the inputs, not paths of a machine. */
  sources: z.array(z.strictObject({ name: z.string(), bytes: z.number().int().min(0), sha256 })).readonly(),
  /** Of everything above, the files' hashes included: the identity of the corpus. */
  sha256
})

export type Manifest = Readonly<z.infer<typeof manifest>>

/** How a corpus's tokeniser is set. */
export const tokenizerOptionsOf = ({ tokenizer }: Pick<Manifest, 'tokenizer'>): TokenizerOptions => ({
  lowercase: tokenizer.lowercase,
  // Cased text kept its accents, whatever was asked, where Han characters are not spoken of.
  stripAccents: tokenizer.stripAccents && (tokenizer.lowercase || tokenizer.isolateHan !== undefined),
  isolateHan: tokenizer.isolateHan ?? true,
  longestWord: tokenizer.longestWord ?? 200
})

/** Seals the facts of a corpus with the hash that identifies it. */
export const sealManifest = (facts: Omit<Manifest, 'sha256'>): Manifest => ({ ...facts, sha256: identityOf(facts) })

export const printManifest = (sealed: Manifest): string => JSON.stringify(sealed, null, 2) + '\n'

/** More than that of a million texts. */
export const longestManifest = 2 ** 28

/** Fewest bytes that an object in a manifest takes: most of them hold a hash. */
const bytesPerBracket = 32

/** Never throws: text that is not a sealed manifest is a `Left`. */
export const parseManifest = (text: string): Either<Damage, Manifest> => {
  if (bracketsIn(text) > 64 + text.length / bytesPerBracket)
    return E.left({ found: 'hardly anything but brackets', expected: 'a corpus manifest' })
  const json = E.tryCatch((): unknown => JSON.parse(text), E.toError)
  if (E.isLeft(json)) return E.left({ found: `no JSON (${json.left.message})`, expected: 'a corpus manifest' })
  const parsed = manifest.safeParse(json.right)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return E.left({ found: `${issue.path.join('.') || 'the whole'}: ${issue.message}`, expected: 'a corpus manifest' })
  }
  const identity = identityOf(parsed.data)
  return parsed.data.sha256 === identity
    ? E.right(parsed.data)
    : E.left({ found: `sha256 ${parsed.data.sha256}`, expected: identity })
}

export const sha256Of = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')

/** The fields one by one: neither their order in the file nor its white space matters. */
const identityOf = (m: Omit<Manifest, 'sha256'>): string =>
  sha256Of(
    JSON.stringify([
      m.format,
      m.version,
      [
        ...[m.tokenizer.library, m.tokenizer.version, m.tokenizer.lowercase, m.tokenizer.stripAccents],
        ...[m.tokenizer.isolateHan, m.tokenizer.longestWord].filter((x) => x !== undefined)
      ],
      [m.vocabulary.origin, m.vocabulary.size, m.vocabulary.sha256],
      m.blanksSeparateDocuments,
      ...[m.train, m.heldOut].map((s) => [s.documents, s.sentences, s.tokens, s.sha256]),
      m.sources.map((s) => [s.name, s.bytes, s.sha256])
    ])
  )
