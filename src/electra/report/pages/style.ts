/** How pages look: on paper and on screens from the width of a phone on, light or dark as the reader has it. */

import { colours } from '../charts/looks.js'

const looks = (side: 0 | 1): string => colours.map((pair, i) => `--look-${i}: ${pair[side]};`).join(' ')

const light = `--paper: #fff; --ink: #1b1b1b; --faint: #5a5a5a; --grid: #dcdcdc; --raised: #f4f4f2; --link: #0b57a4; --mark: #ffe3a3; ${looks(0)}`

const dark = `--paper: #16181b; --ink: #e8e6e3; --faint: #a9a7a3; --grid: #3a3d42; --raised: #202328; --link: #8ec5ff; --mark: #5a4300; ${looks(1)}`

export const style = `
:root { color-scheme: light dark; --chart-font: system-ui, sans-serif; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
@media print { :root { color-scheme: light; ${light} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem 1rem 4rem; overflow-wrap: anywhere; }
p, ul, nav { max-width: 46rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; padding-top: 0.5rem; border-top: 1px solid var(--grid); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 0.5rem; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.lead { font-size: 1.15rem; padding: 0.75rem 1rem; background: var(--raised); border-left: 4px solid var(--look-0); }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; }
code { font: 0.92em ui-monospace, monospace; background: var(--raised); padding: 0.05em 0.25em; border-radius: 3px; }
pre { font: 0.8rem/1.45 ui-monospace, monospace; background: var(--raised); padding: 0.75rem; margin: 0.5rem 0; overflow-x: auto; overflow-wrap: normal; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-size: 0.86rem; line-height: 1.35; }
caption { text-align: left; font-weight: 600; padding: 0.25rem 0; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--grid); text-align: left; vertical-align: top; white-space: nowrap; }
thead th { vertical-align: bottom; border-bottom: 2px solid var(--faint); }
thead th { white-space: normal; overflow-wrap: normal; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.number { min-width: 4.5rem; }
.long { min-width: 18rem; max-width: 26rem; white-space: normal; overflow-wrap: anywhere; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; color: var(--link); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.25rem 1.5rem; margin: 1rem 0; align-items: start; }
figure { margin: 0; min-width: 0; max-width: 36rem; break-inside: avoid; }
figcaption strong { display: block; }
figcaption { font-size: 0.9rem; color: var(--faint); margin-bottom: 0.4rem; }
figcaption strong { color: var(--ink); }
figure svg.marks { display: block; width: 100%; height: auto; overflow: visible; }
.legend { list-style: none; margin: 0.25rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; font-size: 0.86rem; }
.legend svg { vertical-align: -2px; margin-right: 0.35rem; }
.sentence { padding: 0.35rem 0.75rem; border-left: 3px solid var(--grid); max-width: 46rem; }
.sentence s { color: var(--faint); font-size: 0.85em; margin: 0 0.15em 0 0.25em; }
.sentence ins { text-decoration: underline dashed var(--look-1) 2px; text-underline-offset: 3px; }
.sentence mark { background: var(--mark); color: inherit; outline: 1px solid var(--look-4); border-radius: 2px; }
@media (max-width: 30rem) { main { padding: 0.5rem 0.75rem 3rem; } h1 { font-size: 1.35rem; } .lead { font-size: 1.05rem; } }
@media print {
  body { font-size: 10pt; } nav { display: none; } main { max-width: none; padding: 0; } a { color: inherit; }
  .scroll { overflow: visible; } table { font-size: 7.5pt; } th, td { padding: 0.1rem 0.3rem; }
  tr, .sentence { break-inside: avoid; } h2, h3 { break-after: avoid; } summary { color: inherit; }
  .figures { grid-template-columns: 1fr 1fr; } figure details { display: none; } pre { white-space: pre-wrap; }
}
`
