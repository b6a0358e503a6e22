/** Pages bundled by Vite as it comes, without any configuration. */

import { fileURLToPath } from 'node:url'
import { build, type Rolldown } from 'vite'
import { html, type Site } from './page.js'

const typeOf = (name: string): string => (name.endsWith('.html') ? 'text/html' : 'text/javascript')

/** The site of a page, or of one that loads the module `entry`. Either may import the package by its name. */
export const bundledByVite = async (entry: URL): Promise<Site> => {
  const { output } = (await build({
    configFile: false,
    root: fileURLToPath(new URL('.', entry)),
    logLevel: 'error',
    build: {
      write: false,
      rolldownOptions: { input: { page: fileURLToPath(entry) }, output: { entryFileNames: '[name].js' } }
    }
  })) as Rolldown.RolldownOutput
  return new Map([
    ['/', html],
    ...output.map((file) => {
      const { fileName } = file
      const served = { type: typeOf(fileName), body: file.type === 'chunk' ? file.code : file.source }
      return [fileName === 'index.html' ? '/' : `/${fileName}`, served] as const
    })
  ])
}
