import { describe, expect, it } from 'vitest'
import { expectFailure, jsonLines, pureElectra } from './cli.js'

const flops = (...more: ReadonlyArray<string>) => pureElectra('flops', ...more)

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length))

const remark = /ELECTRA-Small's\s+1\.4e18\s+in\s+the\s+paper\s+is\s+not\s+what\s+its\s+script\s+counts,\s+1\.29e18/

describe('flops', () => {
  it('of the paper prints thirteen rows beside its numbers, and says which is not what its script counts', async () => {
    const { code, stdout, stderr } = await flops('--paper')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(widest(stdout)).toBeLessThanOrEqual(80)
    expect(stdout).toMatch(/^elmo +3\.4114394716164127e\+18 +3\.3e18 +-$/m)
    expect(stdout).toMatch(/^electra_small +1\.293743798272e\+18 +1\.4e18 +27\.236 %$/m)
    expect(stdout).toMatch(/^t5_11b +4\.581900124212429e\+22 +- +-$/m)
    expect(stdout).toMatch(remark)
    const rows = jsonLines(await flops('--paper', '--json'))
    expect(rows).toHaveLength(13)
    expect(rows[8]).toMatchObject({ name: 'electra_400k', run: 7.117606040895488e20, printed: '7.1e20' })
  })

  it('of a configuration counts a sequence, a step, a run and inference, beside what programs execute', async () => {
    const { code, stdout, stderr } = await flops('small')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(widest(stdout)).toBeLessThanOrEqual(80)
    expect(stdout).toMatch(/^small: sequences of 128 tokens, 30,522 pieces$/m)
    expect(stdout).toMatch(/^one of 12 layers +220,594,816 +17,400,448$/m)
    expect(stdout).toMatch(/^the run, to the last digit +1\.293743798272e\+18$/m)
    expect(stdout).toMatch(/^the generator's share +27\.236 % \(with words looked up 12\.323 %\)$/m)
    expect(stdout).toMatch(/^inference, 128 tokens +3,677,281,792$/m)
    expect(stdout).toMatch(/^together +\S+ +\S+ +0\.\d+ x counted$/m)
  })

  it('--json writes a line a configuration or recipe, with what was counted how', async () => {
    const settings = ['--vocab-size', '60', '--softmax-share', 'slots', '--sparse', '--set', 'training.steps=7']
    const lines = jsonLines(await flops('nano', 'electra_small', 'elmo', ...settings, '--json'))
    expect(lines).toMatchObject([
      {
        name: 'nano, changed',
        sequenceLength: 16,
        vocabSize: 60,
        batchSize: 4,
        steps: 7,
        accounting: { sparseLookup: true, maskedShare: 2 / 16 },
        networks: [{ role: 'discriminator' }, { role: 'generator' }],
        // As long as its positions.
        inference: { positions: 32 }
      },
      { name: 'electra_small', vocabSize: 30_522, run: 7.8166961152e17, printed: '1.4e18' },
      { name: 'elmo', run: 3.4114394716164127e18, printed: '3.3e18' }
    ])
    type Line = { readonly executed: Readonly<Record<string, number>>; readonly step: number; readonly run: number }
    const { executed, step, run } = lines[0] as unknown as Line
    expect(executed.step).toBe(executed.contractions + executed.everythingElse)
    expect(executed.run).toBe(7 * executed.step)
    expect(run).toBe(7 * step)
  })

  it('of a published recipe says what the paper prints, and what is wrong with that', async () => {
    expect((await flops('electra_small')).stdout).toMatch(remark)
    const base = await flops('bert_base')
    expect(base.stdout).toContain('The paper prints 6.4e19.')
    expect(base.stdout).not.toMatch(remark)
    expect((await flops('elmo')).stdout).toMatch(
      /^ELMo: 3\.4114394716164127e\+18 operations, .*; the paper prints 3\.3e18\n/
    )
  })

  it.each([
    [[], 2, 'nothing to count: name a configuration or a published recipe (elmo, '],
    [['nowhere'], 2, /found neither a preset \(.*nano.*\) nor a readable file: ENOENT.* Published recipes are elmo, /],
    [['nano', '--set', 'layers=1'], 2, 'layers: found an unknown key'],
    [['nano', '--vocab-size', '5'], 2, 'Expected an integer of at least 6.'],
    [['nano', '--softmax-share', 'half'], 2, 'Allowed choices are published, slots.'],
    [['bert_base', '--set', 'batchSize=1'], 2, '--set: found published recipes only'],
    [['--paper', '--vocab-size', '100'], 2, '--vocab-size: found published recipes only']
  ])('with %j exits %i with one sentence', async (args, code, words) => {
    expectFailure(await flops(...args), code as 1 | 2, words)
  })
})
