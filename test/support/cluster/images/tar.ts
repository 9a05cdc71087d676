import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { text } from 'node:stream/consumers'

/**
 * Packs what is in a folder into a tar file with GNU tar: the same content gives the same bytes. Everything belongs to
 * root and is from 1970; links stay, and so do modes unless one is given, in the words of chmod.
 */
export async function packFolder(folder: string, file: string, mode?: string): Promise<void> {
  const names = readdirSync(folder).sort()
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu']
  const modes = mode === undefined ? [] : [`--mode=${mode}`]
  await run('tar', ['--create', `--file=${file}`, ...same, ...modes, `--directory=${folder}`, ...names])
}

/** Whatever the umask is: readable by all, written by root; what may be run stays so. */
export const PLAIN_MODES = 'u=rwX,go=rX'

/** Runs a program to its end, with what is added to the environment. @throws Error with what it wrote to stderr */
export async function run(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<void> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', ...environment },
  })
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? -1))
  })
  const [stderr, code] = await Promise.all([text(child.stderr), ended])
  if (code !== 0) throw new Error(`${program} failed with exit code ${code}:\n${stderr.trim()}`)
}
