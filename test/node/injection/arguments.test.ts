import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { busyboxImage, debianImage } from '../../support/cluster/images/images.ts'
import { sharedNode } from '../../support/cluster/shared.ts'
import { COMMANDS } from '../../support/installation/commands.ts'
import { app } from '../../support/node/app.ts'
import { isReady, makeSite, type Site } from '../../support/node/site.ts'

const cluster = await sharedNode()
const images = { busybox: await busyboxImage(), debian: await debianImage() }
for (const { file } of Object.values(images)) await cluster.loadImage(file)

/** Prints the arguments that this very shell was started with, and ends before it gets to the rest of the command. */
const SHOW = 'base64 </proc/$$/cmdline; exit 0'

describe('commands in real pods', { concurrency: 4 }, () => {
  let site: Site
  before(async () => {
    site = await makeSite(cluster, 'arguments')
  })
  after(() => site.installation.stop())

  for (const [shell, image] of Object.entries(images))
    for (const [name, rest] of Object.entries(COMMANDS))
      test(`A9: ${name} in ${shell}: what the process gets is the command, byte for byte`, async () => {
        // Where it must come first, it is a program that isn't there.
        const first = rest.startsWith('-') ? '-c 2>/dev/null; ' : ''
        const command = `${first}${SHOW}\n${rest}`
        const argv = await argumentsOf(`${name}-${shell}`, command, image.name)
        assert.deepEqual(argv, ['/bin/sh', '-c', '--', command])
      })

  test('A9: a JSON command arrives as the strings that it has', async () => {
    const strange = ['$(X)', '$$', '$$(X)', 'a b', '', "'", '\n', 'ü', '-x']
    const argv = await argumentsOf('json', JSON.stringify(['/bin/sh', '-c', SHOW, ...strange]), images.busybox.name)
    assert.deepEqual(argv, ['/bin/sh', '-c', SHOW, ...strange])
  })

  async function argumentsOf(name: string, command: string, image: string): Promise<string[]> {
    const { status, body } = await site.place.create(app(name, { image, command }))
    assert.equal(status, 201, JSON.stringify(body))
    await site.grant(await site.waiting(name), 'run 1')
    const output = await site.output(await site.pod(name, 'is ready', isReady))
    const encoded = output.replaceAll(/^migrate\.io: .*$/gm, '').replaceAll(/\s/g, '')
    const text = Buffer.from(encoded, 'base64').toString()
    await site.place.kubectl(['delete', 'deployment', name, '--wait=false'])
    assert.ok(text.endsWith('\0'))
    return text.slice(0, -1).split('\0')
  }
})
