/** A page bundled by Vite as it comes, without any configuration. */

import { fileURLToPath } from 'node:url'
import { build, type Rolldown } from 'vite'
import { html, type Site } from './page.js'

/** The site of a page that loads `entry`, which may import the package by its name. */
export const bundledByVite = async (entry: URL): Promise<Site> => {
  const input = { page: fileURLToPath(entry) }
  const { output } = (await build({
    configFile: false,
    root: fileURLToPath(new URL('.', entry)),
    logLevel: 'error',
    build: { write: false, rolldownOptions: { input, output: { entryFileNames: '[name].js' } } }
  })) as Rolldown.RolldownOutput
  return new Map([
    ['/', html],
    ...output.map((file) => {
      const body = file.type === 'chunk' ? file.code : file.source
      return [`/${file.fileName}`, { type: 'text/javascript', body }] as const
    })
  ])
}
