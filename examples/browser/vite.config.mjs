// Memory that is shared between threads needs these two headers, wherever the page comes from.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

// The text lies outside this folder.
const fs = { allow: ['../..'] }

export default { server: { headers, fs }, preview: { headers } }
