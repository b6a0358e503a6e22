/** All tasks that are known by name. A family adds its own here, and nowhere else. */

import { glueSentenceTasks } from './families/sentence.js'
import type { Task } from './task.js'

export const tasks: ReadonlyArray<Task> = glueSentenceTasks

export const taskNamed = (name: string): Task | undefined => tasks.find((task) => task.name === name)
