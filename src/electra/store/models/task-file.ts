/**
 * `task.json` in the directory of a fine-tuned model: what transformers' `config.json` has no words for.
 *
 *     { "version": 1, "head": "official", "task": { "_tag": "Regression", "range": { "min": 0, "max": 5 } },
 *       "learnt": { "name": "sts", "sequenceLength": 128 } }
 *
 * With it the published code's heads can be read again, which transformers has no class for, and predictions be made as the model was
 * trained. transformers neither reads it nor writes it.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { parseJson, showJsonError } from '../../../tensor/strict-json.js'
import { canonicalJson, type Json } from '../canonical-json.js'
import type { StoreError } from '../errors.js'
import type { HeadKind, HfTask } from './hf-task-config.js'

/** As which task it was learnt, and how. */
export type Learnt = {
  /** As the command line calls it. */
  readonly name: string
  readonly sequenceLength: number
}

export type TaskFile = { readonly head: HeadKind; readonly task: HfTask; readonly learnt?: Learnt }

export const taskFile = 'task.json'

const labels = z.array(z.string()).min(1)

const task = z.discriminatedUnion('_tag', [
  z.strictObject({ _tag: z.literal('Classification'), labels }),
  z.strictObject({
    _tag: z.literal('Regression'),
    range: z.strictObject({ min: z.number(), max: z.number() }).optional()
  }),
  z.strictObject({ _tag: z.literal('Tagging'), labels }),
  z.strictObject({ _tag: z.literal('Spans') })
])

const schema = z.strictObject({
  version: z.literal(1),
  head: z.enum(['official', 'huggingface']),
  task,
  learnt: z.strictObject({ name: z.string(), sequenceLength: z.int().min(1) }).optional()
})

export const printTaskFile = ({ head, task: its, learnt }: TaskFile): string => {
  const shown: Readonly<Record<string, Json>> = {
    _tag: its._tag,
    ...('labels' in its ? { labels: [...its.labels] } : {}),
    ...('range' in its && its.range !== undefined ? { range: { ...its.range } } : {})
  }
  const how: Readonly<Record<string, Json>> = learnt === undefined ? {} : { learnt: { ...learnt } }
  return `${canonicalJson({ version: 1, head, task: shown, ...how }, 2)}\n`
}

const deepest = 8

/** What a `task.json` says; `path` names the file in errors. */
export const parseTaskFile =
  (path: string) =>
  (text: string): E.Either<StoreError, TaskFile> => {
    const corrupt = (found: string): StoreError => ({
      _tag: 'Corrupt',
      path,
      found,
      expected: 'what a fine-tuned model has learnt, as finetune writes it'
    })
    return pipe(
      parseJson(deepest)(text),
      E.mapLeft((e) => corrupt(showJsonError(e))),
      E.chain((json) => {
        const parsed = schema.safeParse(json)
        if (!parsed.success) {
          const [{ path: keys, message }] = parsed.error.issues
          return E.left(corrupt(`${keys.length === 0 ? '' : `${keys.map(String).join('.')}: `}${message}`))
        }
        const { head, task: its, learnt } = parsed.data
        return E.right({ head, task: taskOf(its), ...(learnt === undefined ? {} : { learnt }) })
      })
    )
  }

/** Without keys that are there and undefined. */
const taskOf = (its: z.infer<typeof task>): HfTask =>
  its._tag === 'Regression' ? { _tag: 'Regression', ...(its.range === undefined ? {} : { range: its.range }) } : its
