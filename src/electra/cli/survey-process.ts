/** A process of its own that says what `survey` finds: drivers write to its standard error as they like. */

import { survey } from '../../tensor/run/choose.js'

process.stdout.write(JSON.stringify(await survey()))
