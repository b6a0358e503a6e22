/**
 * All downstream tasks by name.
 */

import { mrqaTasks, squad, squadv1 } from './families/span.js'
import type { Task } from './task.js'

const all: ReadonlyArray<Task> = [squad, squadv1, ...mrqaTasks]

export const tasks: Readonly<Record<string, Task>> = Object.fromEntries(all.map((task) => [task.name, task]))
