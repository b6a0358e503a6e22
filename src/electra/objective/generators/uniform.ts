/** Every piece alike: logits of 0, whose loss is the constant `ln V`. The published code's `uniform_generator`. */

import { zeros } from '../../../tensor/index.js'
import { constantGenerator, sharesNothing } from './constant.js'
import type { GeneratorMaker } from './generator.js'

export const uniformGenerator: GeneratorMaker = {
  about: "every piece alike; the published code's uniform_generator",
  problems: sharesNothing('uniform'),
  make: (_, { size }) => constantGenerator(zeros([size]))
}
