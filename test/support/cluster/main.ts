import { spawnSync } from 'node:child_process'
import { Command, Option } from 'commander'
import { findPeoplesCluster, type Level, startPeoplesCluster } from './peoples-cluster.ts'
import { statusOf } from './status.ts'

const START = 'npm run cluster -- up'

const program = new Command('npm run cluster --')
  .description('A real Kubernetes on this machine, to try things out on. It runs on in the background until `down`.')
  .enablePositionalOptions()

program
  .command('up')
  .description('start the cluster, or say how to use it when it runs')
  .addOption(
    new Option('--level <level>', 'api: a control plane, pods stay pending. node: a node too (Linux, root)')
      .choices(['api', 'node'])
      .default(undefined, 'node where this machine can, else api'),
  )
  .action(async ({ level }: { level?: Level }) => {
    const { folder, kubeconfig, url, images, ...found } = await startPeoplesCluster(level)
    print(`The cluster runs, level ${found.level}: ${url}, files in ${folder}`)
    for (const image of images) print(`  image for pods: ${image}`)
    print(`  export KUBECONFIG=${kubeconfig}`)
    for (const rest of ['kubectl get all -A', 'status', 'down']) print(`  npm run cluster -- ${rest}`)
  })

program
  .command('down')
  .description('end the cluster and remove all that is left of it')
  .action(async () => {
    const cluster = await findPeoplesCluster()
    await cluster?.stop()
    print(cluster ? 'The cluster has ended.' : 'No cluster runs.')
  })

program
  .command('status')
  .description('what runs; exit code 1 when a part of the cluster does not, or none is there')
  .action(async () => {
    const cluster = await findPeoplesCluster()
    if (!cluster) return fail(`No cluster runs. Start one: ${START}`)
    const { lines, isWhole } = await statusOf(cluster)
    for (const line of lines) print(line)
    if (!isWhole) process.exitCode = 1
  })

program
  .command('kubectl')
  .description('kubectl, against this cluster and no other')
  .argument('[args...]')
  .helpOption(false)
  .allowUnknownOption()
  .passThroughOptions()
  .action(async (args: string[]) => {
    const cluster = await findPeoplesCluster()
    if (!cluster) return fail(`No cluster runs. Start one: ${START}`)
    const command = [`--kubeconfig=${cluster.kubeconfig}`, ...args]
    process.exitCode = spawnSync(cluster.kubectlProgram, command, { stdio: 'inherit' }).status ?? 1
  })

try {
  await program.parseAsync()
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`)
  process.exitCode = 1
}
