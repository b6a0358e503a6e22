/**
 * All downstream tasks by name.
 */

import { mrqaTasks, squad, squadv1 } from './families/span.js'
import { chunk, ner, pos, xpos } from './families/tagging.js'
import type { Task } from './task.js'

const all: ReadonlyArray<Task> = [squad, squadv1, ...mrqaTasks, chunk, ner, pos, xpos]

export const tasks: Readonly<Record<string, Task>> = Object.fromEntries(all.map((task) => [task.name, task]))
