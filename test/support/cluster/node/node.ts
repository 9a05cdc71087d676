import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { urlOf } from '../components.ts'
import { type Control, controlOf } from '../control.ts'
import { pauseImage } from '../images/images.ts'
import { end, launch, logFile, ready } from '../processes.ts'
import type { Program } from '../program.ts'
import { makeCgroup, removeCgroup } from './cgroups.ts'
import { configureContainerd, containerdProgram, importImages } from './containerd.ts'
import { configureKubeProxy, kubeProxyProgram } from './kube-proxy.ts'
import { cgroupOf, configureKubelet, kubeletProgram } from './kubelet.ts'
import { machineProgram, prepareBoot } from './machine.ts'
import { plugIn, setCable } from './network.ts'
import { type Place, placeOf } from './place.ts'
import type { NodeSetup } from './setup.ts'

export const NODE_COMPONENTS = ['containerd', 'kubelet', 'kube-proxy'] as const
export type NodeComponent = (typeof NODE_COMPONENTS)[number]

/** A node: a machine of its own as far as processes, mounts and network go, with kubelet, containerd and kube-proxy. */
export interface Node extends Control<NodeComponent> {
  /** The Node's name in the API. */
  readonly name: string
  /** The Node's InternalIP. */
  readonly address: string
  /** Path of the component's log. */
  log(component: NodeComponent): string
  /** Loads the images of a tar file in the OCI layout. Pods use them with imagePullPolicy IfNotPresent or Never. */
  loadImage(ociTarFile: string): Promise<void>
  /**
   * Ends every process of the node at once, containers too, and starts it again. Its images and volumes are kept.
   * @param whileOff called in between, with where the node's /var/lib is
   */
  reboot(whileOff?: (lib: string) => void): Promise<void>
  /** The API server, other nodes and this machine can't reach the node nor be reached from it. Its pods run on. */
  disconnect(): void
  reconnect(): void
}

/** What the cluster does for its nodes. */
interface Surroundings {
  setup: NodeSetup
  tied: boolean
  /** Returns when the API server shows the node as ready, by something that kubelet wrote since then. */
  isReadySince(name: string, since: Date): Promise<void>
}

/** A node that isn't there yet. */
export interface NewNode extends Node {
  /** Starts what needs no API server: the machine and containerd. Loads the image that every pod needs. */
  boot(): Promise<void>
  /** Has it join the cluster. Returns when it is ready for pods and kube-proxy has written its rules. */
  join(): Promise<void>
}

export function nodeIn(folder: string, number: number, { setup, tied, isReadySince }: Surroundings): NewNode {
  const place = placeOf(folder, setup.range, number)
  const { name, address } = place
  const control = controlOf<NodeComponent>(folder, tied, (component) => programOf(component, place, setup))
  const powerOn = async () => {
    await bootMachine(place, tied)
    await control.start('containerd')
  }
  /** Each file once: of two that bring the same image at the same time, containerd refuses one. */
  const loads = new Map<string, Promise<void>>()
  const joinSince = async (since: Date) => {
    // One after the other, since kube-proxy waits for the Node that kubelet makes, however long that takes.
    await control.start('kubelet')
    await control.start('kube-proxy')
    await isReadySince(name, since)
  }
  return {
    ...control,
    name,
    address,
    log: (component) => logFile(folder, `${name}.${component}`),
    loadImage: (file) => {
      const load = loads.get(file) ?? importImages(place, file)
      loads.set(file, load)
      return load
    },
    boot: async () => {
      const pause = await pauseImage()
      mkdirSync(place.home, { recursive: true })
      configureContainerd(place, pause.name)
      await powerOn()
      await importImages(place, pause.file)
    },
    join: async () => {
      configureKubeProxy(place, urlOf(setup))
      await configureKubelet(place, urlOf(setup))
      await joinSince(new Date())
    },
    reboot: async (whileOff) => {
      await end(name, folder, 'SIGKILL')
      whileOff?.(join(place.home, 'lib'))
      const since = new Date()
      await powerOn()
      await joinSince(since)
    },
    disconnect: () => setCable(folder, number, 'down'),
    reconnect: () => setCable(folder, number, 'up'),
  }
}

async function bootMachine(place: Place, tied: boolean): Promise<void> {
  const { folder, name, home, range, number, init } = place
  prepareBoot(home)
  // Empty, as after a boot: kubelet waits 3 s for each pod whose cgroup is there while it isn't running.
  removeCgroup(cgroupOf(place))
  makeCgroup(cgroupOf(place))
  const machine = machineProgram(name, home)
  await launch(machine, folder, tied)
  await ready(machine, folder)
  plugIn(folder, range, number, init())
}

function programOf(component: NodeComponent, place: Place, setup: NodeSetup): Program {
  const { nodeBinaries, extraArguments } = setup
  const more = extraArguments[component] ?? []
  if (component === 'containerd') return containerdProgram(place)
  return component === 'kubelet'
    ? kubeletProgram(place, nodeBinaries.kubelet, more)
    : kubeProxyProgram(place, nodeBinaries['kube-proxy'], more)
}
