import { execFile } from 'node:child_process'
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import type { Program } from '../program.ts'
import { onMachine } from './machine.ts'
import type { Place } from './place.ts'

const RUN = promisify(execFile)
const LOOK_LIMIT_MS = 5000
const IMPORT_LIMIT_MS = 300_000

/** Where Debian's containernetworking-plugins has its programs. */
export const CNI_FOLDER = '/usr/lib/cni'

/** containerd with its usual folders, which on a node's machine are the node's own. */
export function containerdProgram({ name, home, init }: Place): Program {
  const machine = init()
  const look = () => RUN(...split(onMachine(machine, ['ctr', 'version'])), { timeout: LOOK_LIMIT_MS })
  return {
    name: `${name}.containerd`,
    command: ['containerd', '--config', join(home, 'containerd.toml')],
    machine,
    isReady: () => look().then(() => true),
  }
}

/** @param pauseImage the name of the image that holds a pod's namespaces; it must be loaded before the first pod */
export function configureContainerd({ home, range, number }: Place, pauseImage: string): void {
  const cni = join(home, 'cni')
  mkdirSync(cni, { recursive: true })
  writeFileSync(join(cni, '10-pods.conflist'), JSON.stringify(podNetwork(range.podsOf(number)), null, 2))
  writeFileSync(
    join(home, 'containerd.toml'),
    `version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Else a machine that may not lower these scores runs no pod.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI_FOLDER}"
    conf_dir = ${JSON.stringify(cni)}

[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
`,
  )
}

/**
 * Each pod on a cable of its own and everything routed, by the plugin `ptp`. On a bridge, the answer of a pod to another
 * one on the same node would pass kube-proxy's rules by, unless the kernel has br_netfilter; so calls to a Service fail.
 */
function podNetwork(subnet: string) {
  const ipam = { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] }
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      { type: 'ptp', ipMasq: false, ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
}

/** Loads the images of a tar file in the OCI layout, for pods to use. Throws with what ctr wrote to stderr. */
export async function importImages({ init }: Place, ociTarFile: string): Promise<void> {
  const [program, args] = split(onMachine(init(), ['ctr', '--namespace', 'k8s.io', 'images', 'import', '-']))
  const running = RUN(program, args, { timeout: IMPORT_LIMIT_MS })
  const input = running.child.stdin
  if (!input) throw new Error('ctr has no standard input')
  // When ctr ends early, what it wrote says more than the broken pipe.
  const written = pipeline(createReadStream(ociTarFile), input).catch((error: unknown) => error)
  await running
  const failure = await written
  if (failure) throw new Error(`loading ${ociTarFile} failed`, { cause: failure })
}

function split([program = '', ...args]: string[]): [string, string[]] {
  return [program, args]
}
