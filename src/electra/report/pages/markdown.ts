/** A report as Markdown, as GitHub shows it: of a chart its numbers. */

import type { Block, Document, Figure, Inline, MarkedWord, Table, Text } from '../document.js'

/** Characters that Markdown or HTML would read are shown as they are; the whole stays on one line. */
const plain = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]|~#]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')

/** Between more backticks than stand in it. A bar would end a cell. */
const codeOf = (text: string): string => {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = '`'.repeat(longest + 1)
  const gap = longest > 0 ? ' ' : ''
  return `${fence}${gap}${text.replace(/\s+/g, ' ')}${gap}${fence}`
}

const inline = (part: Inline): string =>
  typeof part === 'string' ? plain(part) : 'code' in part ? codeOf(part.code) : `**${plain(part.strong)}**`

const textOf = (text: Text): string => text.map(inline).join('')

const line = (cells: ReadonlyArray<string>): string => `| ${cells.join(' | ')} |`

const tableOf = ({ columns, rows }: Table): string =>
  [
    line(columns.map(({ title }) => plain(title))),
    line(columns.map(({ isNumber }) => (isNumber ? '---:' : '---'))),
    ...rows.map((row) => line(row.map(plain)))
  ].join('\n')

const hidden = (summary: string, content: string): string =>
  `<details><summary>${plain(summary)}</summary>\n\n${content}\n\n</details>`

const figureOf = ({ title, description, numbers }: Figure): string =>
  `**${plain(title)}** ${plain(description)}\n\n${hidden(`Numbers: ${numbers.caption}`, tableOf(numbers))}`

const markedWord = ({ text, isApart, original, isSuspected }: MarkedWord): string => {
  const shown = isSuspected ? `**${plain(text)}**` : plain(text)
  return `${isApart ? ' ' : ''}${shown}${original === undefined ? '' : ` ~~${plain(original)}~~`}`
}

const fenced = (text: string): string => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}\n${fence}`
}

const blockOf = (block: Block): string => {
  switch (block._tag) {
    case 'Heading':
      return `${'#'.repeat(block.level)} ${plain(block.text)}`
    case 'Lead':
    case 'Paragraph':
      return textOf(block.text)
    case 'List':
      return block.items.map((item) => `- ${textOf(item)}`).join('\n')
    case 'Table':
      return block.isFolded
        ? hidden(block.table.caption, tableOf(block.table))
        : `**${plain(block.table.caption)}**\n\n${tableOf(block.table)}`
    case 'Figures':
      return block.figures.map(figureOf).join('\n\n')
    case 'Listing':
      return block.isFolded
        ? hidden(block.caption, fenced(block.text))
        : `${plain(block.caption)}\n\n${fenced(block.text)}`
    case 'Marked':
      return block.sentences.map((words) => `> ${words.map(markedWord).join('').trim()}`).join('\n>\n')
  }
}

export const markdownOf = ({ title, blocks }: Document): string =>
  `${[`# ${plain(title)}`, ...blocks.map(blockOf)].join('\n\n')}\n`
