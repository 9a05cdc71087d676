import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { needPrograms } from '../../tooling/debian.ts'
import { cached, codeOf } from './cached.ts'
import { type Image, userOf, writeUsers } from './image.ts'
import { type ImageConfig, writeLayout } from './layout.ts'
import { packFolder } from './tar.ts'

const ENVIRONMENT = ['PATH=/bin']

// As the first process of a pod it must set a trap to be ended by a signal, and take care of what is left behind.
const PAUSE = "trap 'exit 0' TERM INT; while :; do sleep infinity & wait; done"

/** What holds a pod's namespaces: waits for a signal, and then ends. */
export function pauseImage(): Promise<Image> {
  return busyboxAs('pause', { Env: ENVIRONMENT, User: userOf('nobody'), Entrypoint: ['/bin/sh', '-c', PAUSE] })
}

/** A small root file system with a shell (ash) and the usual programs. It runs as any user. */
export function busyboxImage(): Promise<Image> {
  return busyboxAs('busybox', { Env: ENVIRONMENT, Cmd: ['/bin/sh'] })
}

/** Two images of one name, which no other test uses: what a tag says before and after it was moved. */
export function movedTag(): Promise<[Image, Image]> {
  const build = (number: number) => busyboxAs('moved', { Env: [...ENVIRONMENT, `BUILD=${number}`], Cmd: ['/bin/sh'] })
  return Promise.all([build(1), build(2)])
}

async function busyboxAs(short: string, config: ImageConfig): Promise<Image> {
  const name = `migrate.io/${short}:test`
  const program = staticBusybox()
  const file = await cached({
    name: short,
    ingredients: [
      ...codeOf('busybox.ts', 'image.ts', 'layout.ts', 'tar.ts'),
      name,
      JSON.stringify(config),
      readFileSync(program),
    ],
    make: async (draft, scratch) => {
      const layer = join(scratch, 'root.tar')
      await packRoot(program, layer, join(scratch, 'root'))
      await writeLayout(draft, [{ name, layers: [layer], config }], scratch)
    },
  })
  return { name, file }
}

async function packRoot(program: string, layer: string, root: string): Promise<void> {
  for (const folder of ['', 'bin', 'dev', 'etc', 'home', 'proc', 'run', 'sys', 'usr', 'var', 'tmp']) {
    mkdirSync(join(root, folder))
    chmodSync(join(root, folder), folder === 'tmp' ? 0o1777 : 0o755) // whatever the umask is
  }
  copyFileSync(program, join(root, 'bin/busybox'))
  chmodSync(join(root, 'bin/busybox'), 0o755)
  linkApplets(join(root, 'bin'))
  symlinkSync('../bin', join(root, 'usr/bin'))
  writeUsers(join(root, 'etc'))
  await packFolder(root, layer)
}

/** Puts a link for each of busybox's programs beside it. */
export function linkApplets(folder: string): void {
  const applets = execFileSync(join(folder, 'busybox'), ['--list'], { encoding: 'utf8' }).trim().split('\n')
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(folder, applet))
}

/** @throws Error if this machine's busybox needs libraries, which the image hasn't */
export function staticBusybox(): string {
  needPrograms([{ program: 'busybox', debianPackage: 'busybox-static' }])
  const program = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim()
  if (spawnSync('ldd', [program], { stdio: 'ignore' }).status === 0) {
    throw new Error(`${program} is linked against libraries; a static one is needed. Install busybox-static (Debian)`)
  }
  return program
}
