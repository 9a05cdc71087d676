import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { busyboxImage, pauseImage } from '../../support/cluster/images/images.ts'
import { listTar, readLayout } from '../../support/cluster/images/unpacked.ts'

const folder = mkdtempSync(join(tmpdir(), 'migrate-io-images-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('an image made twice is the same bytes, whatever the umask', async () => {
  const made: Buffer[] = []
  const usual = process.umask()
  for (const umask of [0o022, 0o077]) {
    process.env['MIGRATE_IO_CACHE'] = join(folder, `umask-${umask}`)
    process.umask(umask)
    const { file } = await busyboxImage()
    assert.ok(file.startsWith(folder))
    made.push(readFileSync(file))
  }
  process.umask(usual)
  assert.ok(made[0]?.equals(made[1] ?? Buffer.alloc(0)))
})

test('busybox is a layout with a shell, all applets and a folder for temporary files', async () => {
  const image = await busyboxImage()
  const [found, ...others] = readLayout(image.file, join(folder, 'busybox'))
  assert.deepEqual(others, [])
  assert.equal(image.name, 'migrate.io/busybox:test')
  assert.equal(found?.name, image.name)
  const entries = listTar(found?.layers[0] ?? '')
  for (const applet of ['sh', 'sleep', 'wget', 'kill'])
    assert.ok(
      entries.some((entry) => entry.startsWith('lrwx') && entry.endsWith(` bin/${applet} -> busybox`)),
      applet,
    )
  assert.ok(entries.some((entry) => entry.startsWith('drwxrwxrwt 0/0') && entry.endsWith(' tmp/')))
  assert.ok(entries.some((entry) => entry.startsWith('-rwxr-xr-x 0/0') && entry.endsWith(' bin/busybox')))
})

test('pause is the same layer with a command, and not run as root', async () => {
  const [pause, busybox] = [await pauseImage(), await busyboxImage()]
  const [found] = readLayout(pause.file, join(folder, 'pause'))
  const [other] = readLayout(busybox.file, join(folder, 'other'))
  assert.equal(found?.name, 'migrate.io/pause:test')
  assert.equal(found?.config.User, '65534:65534')
  assert.equal(found?.config.Entrypoint?.[0], '/bin/sh')
  assert.deepEqual(listTar(found?.layers[0] ?? ''), listTar(other?.layers[0] ?? ''))
})
