/** Directories of small data sets, and tasks prepared on them. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Task, TaskSettings } from '../../../../src/electra/tasks/task.js'
import { bert, tokenizer } from '../features/cases.js'
import { size } from '../heads/cases.js'

/** Runs with a directory of these files, by their names, which is gone afterwards. */
export const withFiles = async <A>(
  files: Readonly<Record<string, string>>,
  use: (directory: string) => Promise<A>
): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), 'task-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

export const settings: TaskSettings = {
  size: { ...size, vocabSize: bert.pieces.length },
  tokenizer,
  sequenceLength: 24,
  head: 'official',
  dropout: 0.1
}

export const prepared = (
  task: Task,
  files: Readonly<Record<string, string>>,
  changed: Partial<TaskSettings> = {}
): Promise<Awaited<ReturnType<ReturnType<Task['prepare']>>>> =>
  withFiles(files, (directory) => task.prepare(directory, { ...settings, ...changed })())
