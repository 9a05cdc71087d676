import { spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findBinaries } from '../cluster/binaries.ts'
import { flaskImage, migrateIoImage, postgresImage } from '../cluster/images/images.ts'
import type { NodeCluster } from '../cluster/node/cluster.ts'
import { readManifest, type StatefulSet, withoutClaims } from '../node/postgres.ts'
import { root } from '../tooling/root.ts'

const LIMIT_MS = 400_000

/** The machine of somebody who follows the tutorial: a copy of the project's folder, kubectl and our command line. */
export interface Machine {
  /** Runs commands in the project's folder; what they print on both streams. Throws where one of them fails. */
  run(commands: string): Promise<string>
  remove(): void
}

/**
 * Brings images to the node, and makes a machine for it. Different from what the tutorial says are only the names of the
 * images; the database's address, which has to do without DNS; and its volume, since there is no storage class.
 */
export async function machineFor(cluster: NodeCluster): Promise<Machine> {
  const [ours, flask1, flask2, postgres] = [
    await migrateIoImage(),
    await flaskImage('1'),
    await flaskImage('2'),
    await postgresImage(),
  ]
  for (const file of new Set([ours, flask1, flask2, postgres].map((image) => image.file))) await cluster.loadImage(file)
  const { body } = await cluster.get<{ spec: { clusterIP: string } }>('/api/v1/namespaces/default/services/kubernetes')
  const address = body.spec.clusterIP.replace(/\d+$/, '200')

  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-tutorial-'))
  const project = join(folder, 'project')
  for (const part of ['deploy', 'examples']) cpSync(join(root, part), join(project, part), { recursive: true })
  const standIns = [
    ['docker.io/project/my-flask-app', flask1.name.replace(/:1$/, '')],
    ['@postgres:5432', `@${address}:5432`],
  ] as const
  const withStandIns = (given: string) => standIns.reduce((result, [from, to]) => result.replaceAll(from, to), given)
  for (const name of ['deployment.yaml', 'secrets.yaml']) {
    const path = join(project, 'examples/flask', name)
    writeFileSync(path, withStandIns(readFileSync(path, 'utf8')))
  }
  writeFileSync(join(project, 'examples/flask/postgres.yaml'), database(address, postgres.name))

  const home = join(folder, 'home')
  const programs = join(folder, 'bin')
  mkdirSync(home)
  mkdirSync(programs)
  symlinkSync((await findBinaries()).kubectl, join(programs, 'kubectl'))
  for (const name of ['migrate-io', 'kubectl-migrate_io']) {
    writeFileSync(join(programs, name), `#!/bin/sh\nexec '${process.execPath}' '${root}/src/main.ts' "$@"\n`)
    chmodSync(join(programs, name), 0o755)
  }
  const env = { PATH: `${programs}:${process.env['PATH']}`, HOME: home, KUBECONFIG: cluster.kubeconfig }
  return {
    async run(commands) {
      const child = spawn('bash', ['-euo', 'pipefail', '-c', withStandIns(commands)], {
        cwd: project,
        env,
        timeout: LIMIT_MS,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const ended = new Promise<number | null>((resolve, reject) => {
        child.once('error', reject)
        child.once('close', resolve)
      })
      const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
      if (code !== 0) throw new Error(`exit code ${code} of\n${commands}\n${stdout}${stderr}`)
      return `${stdout}${stderr}`
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function database(address: string, image: string): string {
  const [service, statefulSet] = readManifest('postgres.yaml')
  const spec = { ...(service?.['spec'] as object), clusterIP: address }
  return [{ ...service, spec }, withoutClaims(statefulSet as unknown as StatefulSet, image)]
    .map((object) => JSON.stringify(object))
    .join('\n---\n')
}
