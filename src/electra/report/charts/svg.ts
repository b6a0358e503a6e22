/** Charts drawn as SVG, by Vega. It is loaded when something is to be drawn, as few commands draw. */

import type { Task } from 'fp-ts/lib/Task.js'
import type { Chart } from './chart.js'
import { specOf } from './spec.js'

declare module 'vega' {
  // Vega's own declarations leave it out.
  const textMetrics: { readonly canvas: (isUsed: boolean) => void }
}

/** A chart as the text of an `svg` element. The same chart gives the same text. */
export const svgOf =
  (chart: Chart): Task<string> =>
  async () => {
    const { View, parse, textMetrics } = await import('vega')
    // A canvas, where one is installed, would measure texts by the fonts of this machine.
    textMetrics.canvas(false)
    return new View(parse(specOf(chart)), { renderer: 'none' }).toSVG()
  }
