/**
 * A folder that measures a GPU on a machine with nothing but a driver: `node bench/gpu/pack.mjs [--debs] [--out FOLDER]`.
 *
 * In it: the measurements and the library as one file, Node's own binary, Dawn for this platform, the golden file, the same step in
 * PyTorch, and `run.sh`. Binaries are gzipped, as every Ubuntu has gzip, and not every one xz. With `--debs` also Debian's packages of
 * the Vulkan loader and of what an NVIDIA driver's Vulkan needs, unpacked beside and not installed.
 */

import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, createReadStream, createWriteStream, mkdirSync, readdirSync } from 'node:fs'
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createGzip } from 'node:zlib'
import { bundle } from './bundle.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

const { values: options } = parseArgs({
  options: { debs: { type: 'boolean', default: false }, out: { type: 'string', default: path('out') } }
})

/** What the machine that runs it may be handed in one piece. */
const most = 64 * 2 ** 20

/** The loader, and what `libGLX_nvidia.so.0` and `libEGL_nvidia.so.0` link to. */
const packages =
  'libvulkan1 libegl1 libgl1 libglx0 libglvnd0 libx11-6 libxext6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0'.split(' ')

const folder = join(options.out, 'gpu-bench')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const gzipped = (from, to) => pipeline(createReadStream(from), createGzip({ level: 9 }), createWriteStream(`${to}.gz`))

await bundle('main.ts', join(folder, 'main.mjs'), {
  // Found where they are, or their rows say that they are not.
  external: ['gl', 'webgpu', 'tokenizers', 'koffi', 'fs-native-extensions'],
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  // gpu.js is CommonJS.
  banner: {
    js: "import { createRequire as madeRequire } from 'node:module'; const require = madeRequire(import.meta.url);"
  }
})
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
copyFileSync(path('step.py'), join(folder, 'step.py'))
copyFileSync(path('../../test/fixtures/electra_a.safetensors'), join(folder, 'electra_a.safetensors'))
copyFileSync(path('run.sh'), join(folder, 'run.sh'))
chmodSync(join(folder, 'run.sh'), 0o755)

const dawn = path('../../node_modules/webgpu')
const platform = `${process.platform}-${process.platform === 'darwin' ? 'universal' : process.arch}`
const carried = join(folder, 'node_modules/webgpu')
mkdirSync(join(carried, 'dist', platform), { recursive: true })
for (const file of ['index.js', 'package.json', 'LICENSE.md']) copyFileSync(join(dawn, file), join(carried, file))
for (const file of readdirSync(join(dawn, 'dist', platform)))
  await gzipped(join(dawn, 'dist', platform, file), join(carried, 'dist', platform, file))
await gzipped(process.execPath, join(folder, 'node'))

if (options.debs) {
  mkdirSync(join(folder, 'debs'))
  for (const name of packages) {
    const cwd = join(folder, 'debs')
    const before = new Set(readdirSync(cwd))
    execFileSync('apt-get', ['download', '-qq', name], { cwd, stdio: ['ignore', 'ignore', 'ignore'] })
    // Their own names have signs that not every way of carrying them takes.
    for (const file of readdirSync(cwd)) if (!before.has(file)) renameSync(join(cwd, file), join(cwd, `${name}.deb`))
  }
}

const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
console.log(`${folder}: ${files.length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB`)
if (bytes > most) {
  console.error(`that is more than the ${most / 2 ** 20} MiB that it may have`)
  process.exitCode = 1
}
console.log(`
Carry the folder to the machine (scp -r, or tar), and there:

    ./run.sh                 # everything: adapter, parity, memory, products, steps, PyTorch where python3 has it
    ./run.sh --help

Results are in ./results. It needs a Vulkan driver: NVIDIA's with its graphics libraries (in a container
NVIDIA_DRIVER_CAPABILITIES=all), or Mesa. Where the loader libvulkan1 is missing and nothing can be installed, pack with --debs.`)
