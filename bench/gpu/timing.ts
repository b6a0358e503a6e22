/** How long work on a GPU takes, by the host's clock, many runs at a time. */

/** Milliseconds of one run of what `encode` puts into a pass: the best of three times as many as fill the seconds asked for. */
export const timed = async (
  device: GPUDevice,
  seconds: number,
  encode: (pass: GPUComputePassEncoder) => void
): Promise<number> => {
  const run = async (times: number): Promise<number> => {
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    for (let i = 0; i < times; i++) encode(pass)
    pass.end()
    const start = performance.now()
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
    return performance.now() - start
  }
  await run(1)
  const times = Math.max(1, Math.min(1000, Math.ceil((1000 * seconds) / Math.max(0.01, await run(1)))))
  return Math.min(await run(times), await run(times), await run(times)) / times
}
