/**
 * A report as one HTML page that needs nothing beside it: no script, no file, no network.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import { svgOf } from '../charts/svg.js'
import { seen, type Chart } from '../charts/chart.js'
import type { Block, Document, Figure, Inline, MarkedWord, Table, Text } from '../document.js'
import { anchorOf, escaped } from './escape.js'
import { legendOf } from './legend.js'
import { style } from './style.js'

const inline = (part: Inline): string =>
  typeof part === 'string'
    ? escaped(part)
    : 'code' in part
      ? `<code>${escaped(part.code)}</code>`
      : `<strong>${escaped(part.strong)}</strong>`

const textOf = (text: Text): string => text.map(inline).join('')

/** Longer ones are given room to be read in lines. */
const longestLine = 32

const rowOf = (columns: Table['columns'], row: ReadonlyArray<string>): string =>
  row
    .map((cell, i) => {
      const { isNumber } = columns[i]
      const of = isNumber ? ' class="number"' : cell.length > longestLine ? ' class="long"' : ''
      return i === 0 && !isNumber ? `<th scope="row"${of}>${escaped(cell)}</th>` : `<td${of}>${escaped(cell)}</td>`
    })
    .join('')

const tableOf = ({ caption, columns, rows }: Table, hasCaption: boolean): string => {
  const head = columns.map(
    ({ title, isNumber }) => `<th scope="col"${isNumber ? ' class="number"' : ''}>${escaped(title)}</th>`
  )
  return [
    `<div class="scroll" role="region" aria-label="${escaped(caption)}" tabindex="0"><table>`,
    ...(hasCaption ? [`<caption>${escaped(caption)}</caption>`] : []),
    `<thead><tr>${head.join('')}</tr></thead>`,
    `<tbody>${rows.map((row) => `<tr>${rowOf(columns, row)}</tr>`).join('\n')}</tbody></table></div>`
  ].join('\n')
}

const hidden = (summary: string, content: string): string =>
  `<details><summary>${escaped(summary)}</summary>\n${content}\n</details>`

/** What is told apart in it. Rows have their names beside them. */
const namedIn = (chart: Chart): ReadonlyArray<{ readonly name: string; readonly look: number }> =>
  chart._tag === 'Lines' ? seen(chart) : []

/** Vega's own element, as an image with a description in words. */
const described = (svg: string, description: string): string =>
  svg.replace('<svg ', `<svg role="img" aria-label="${escaped(description)}" `)

const figureOf =
  (svgs: ReadonlyMap<Chart, string>) =>
  ({ title, description, chart, numbers }: Figure): string =>
    [
      '<figure>',
      `<figcaption><strong>${escaped(title)}</strong> ${escaped(description)}</figcaption>`,
      described(svgs.get(chart) ?? '', `${title}. ${description}`),
      legendOf(namedIn(chart)),
      hidden(`Numbers: ${numbers.caption}`, tableOf(numbers, false)),
      '</figure>'
    ].join('\n')

const markedWord = ({ text, isApart, original, isSuspected }: MarkedWord): string => {
  const shown = isSuspected ? `<mark>${escaped(text)}</mark>` : escaped(text)
  const whole = original === undefined ? shown : `<ins>${shown}</ins><s>${escaped(original)}</s>`
  return `${isApart ? ' ' : ''}${whole}`
}

const blockOf =
  (svgs: ReadonlyMap<Chart, string>, anchors: ReadonlyMap<Block, string>) =>
  (block: Block): string => {
    switch (block._tag) {
      case 'Heading':
        return `<h${block.level} id="${anchors.get(block) ?? ''}">${escaped(block.text)}</h${block.level}>`
      case 'Lead':
        return `<p class="lead">${textOf(block.text)}</p>`
      case 'Paragraph':
        return `<p>${textOf(block.text)}</p>`
      case 'List':
        return `<ul>\n${block.items.map((item) => `<li>${textOf(item)}</li>`).join('\n')}\n</ul>`
      case 'Table':
        return block.isFolded ? hidden(block.table.caption, tableOf(block.table, false)) : tableOf(block.table, true)
      case 'Figures':
        return `<div class="figures">\n${block.figures.map(figureOf(svgs)).join('\n')}\n</div>`
      case 'Listing': {
        const listing = `<pre tabindex="0">${escaped(block.text)}</pre>`
        return block.isFolded ? hidden(block.caption, listing) : `<p>${escaped(block.caption)}</p>\n${listing}`
      }
      case 'Marked':
        return block.sentences
          .map((words) => `<p class="sentence">${words.map(markedWord).join('').trim()}</p>`)
          .join('\n')
    }
  }

const anchorsOf = (blocks: ReadonlyArray<Block>): ReadonlyMap<Block, string> => {
  const anchors = new Map<Block, string>()
  for (const block of blocks)
    if (block._tag === 'Heading') anchors.set(block, anchorOf(block.text, [...anchors.values()]))
  return anchors
}

/** The sections of a page, where they are several. */
const contents = (blocks: ReadonlyArray<Block>, anchors: ReadonlyMap<Block, string>): string => {
  const items = blocks.flatMap((block) =>
    block._tag === 'Heading' && block.level === 2
      ? [`<li><a href="#${anchors.get(block) ?? ''}">${escaped(block.text)}</a></li>`]
      : []
  )
  return items.length < 3 ? '' : `<nav aria-label="Contents"><ul>${items.join('')}</ul></nav>`
}

const pageOf = ({ title, blocks }: Document, svgs: ReadonlyMap<Chart, string>): string => {
  const anchors = anchorsOf(blocks)
  const show = blockOf(svgs, anchors)
  const first = blocks.findIndex((block) => block._tag === 'Heading')
  const before = first < 0 ? blocks.length : first
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1>${escaped(title)}</h1>`,
    ...blocks.slice(0, before).map(show),
    contents(blocks, anchors),
    ...blocks.slice(before).map(show),
    '</main>',
    '</body>',
    '</html>',
    ''
  ].join('\n')
}

export const chartsIn = ({ blocks }: Document): ReadonlyArray<Chart> =>
  blocks.flatMap((block) => (block._tag === 'Figures' ? block.figures.map(({ chart }) => chart) : []))

/** The same document gives the same text. */
export const htmlOf = (document: Document): T.Task<string> =>
  pipe(
    chartsIn(document),
    T.traverseSeqArray((chart) =>
      pipe(
        svgOf(chart),
        T.map((svg) => [chart, svg] as const)
      )
    ),
    T.map((svgs) => pageOf(document, new Map(svgs)))
  )
