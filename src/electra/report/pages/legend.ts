/** What stands for what in a chart: its line and shape beside its name. */

import { lookOf, type Look } from '../charts/looks.js'
import { escaped } from './escape.js'

/** Within 8 by 8 around the middle. */
const outlines: Readonly<Record<Look['shape'], string>> = {
  circle: 'M-3.5,0a3.5,3.5 0 1,0 7,0a3.5,3.5 0 1,0 -7,0Z',
  square: 'M-3,-3h6v6h-6Z',
  'triangle-up': 'M0,-4L4,3.5H-4Z',
  diamond: 'M0,-4.5L4,0L0,4.5L-4,0Z',
  cross: 'M-4,-1.3h2.7v-2.7h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7Z',
  'triangle-down': 'M0,4L-4,-3.5H4Z',
  'triangle-left': 'M-4,0L3.5,-4V4Z'
}

const swatch = (look: number): string => {
  const { colour, dash, shape, isFilled } = lookOf(look)
  const dashes = dash.length === 0 ? '' : ` stroke-dasharray="${dash.join(' ')}"`
  const fill = isFilled ? `var(${colour})` : 'var(--paper)'
  return (
    '<svg width="38" height="12" viewBox="-19 -6 38 12" aria-hidden="true">' +
    `<path d="M-19,0H19" stroke="var(${colour})" stroke-width="2"${dashes}/>` +
    `<path d="${outlines[shape]}" stroke="var(${colour})" fill="${fill}"/></svg>`
  )
}

export const legendOf = (named: ReadonlyArray<{ readonly name: string; readonly look: number }>): string =>
  named.length === 0
    ? ''
    : `<ul class="legend">${named.map(({ name, look }) => `<li>${swatch(look)}${escaped(name)}</li>`).join('')}</ul>`
