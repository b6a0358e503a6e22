/** GPUBufferUsage and GPUMapMode, of which Node has no globals. */

export const usage = { mapRead: 1, copySrc: 4, copyDst: 8, storage: 128, queryResolve: 512 } as const

export const mapMode = { read: 1 } as const
