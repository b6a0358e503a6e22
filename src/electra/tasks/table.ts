/** All tasks that are known by name. A family adds its own here, and nowhere else. */

import { glueSentenceTasks } from './families/glue.js'
import { mrqaTasks, squad, squadv1 } from './families/span.js'
import { chunk, ner, pos, xpos } from './families/tagging.js'
import type { Task } from './task.js'

export const tasks: ReadonlyArray<Task> = [...glueSentenceTasks, squad, squadv1, ...mrqaTasks, chunk, ner, pos, xpos]

export const taskNamed = (name: string): Task | undefined => tasks.find((task) => task.name === name)
