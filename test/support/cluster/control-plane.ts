import { join } from 'node:path'
import { until } from '../until.ts'
import type { Api } from './api.ts'
import { pkiFiles } from './certificates.ts'
import {
  type Component,
  componentsOf,
  controllerManagerKubeconfig,
  programOf,
  type Setup,
  urlOf,
} from './components.ts'
import { controlOf } from './control.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import type { Owned } from './own-folder.ts'
import { claimPorts } from './ports.ts'

const DEFAULT_ACCOUNT = '/api/v1/namespaces/default/serviceaccounts/default'
const ACCOUNT_LIMIT_MS = 30_000

export async function claimControlPlanePorts(folder: string): Promise<Setup['ports']> {
  const [etcd = 0, etcdPeer = 0, apiServer = 0, controllerManager = 0, scheduler = 0] = await claimPorts(folder, 5)
  return { etcd, etcdPeer, apiServer, controllerManager, scheduler }
}

export function adminKubeconfig(folder: string): string {
  return join(folder, 'admin.kubeconfig')
}

/** Starts those programs that the setup has. Their certificates must be there. */
export async function startControlPlane({ folder, tied }: Owned, setup: Setup): Promise<void> {
  const { admin, controllerManager } = pkiFiles(folder)
  writeKubeconfig(adminKubeconfig(folder), folder, urlOf(setup), admin)
  writeKubeconfig(controllerManagerKubeconfig(folder), folder, urlOf(setup), controllerManager)
  const control = controlOf<Component>(folder, tied, (component) => programOf(component, folder, setup))
  for (const component of componentsOf(setup)) await control.start(component)
}

/** Returns when pods can be created in namespace `default`. */
export async function defaultAccount(cluster: { get: (path: string) => ReturnType<Api['request']> }): Promise<void> {
  await until('the default service account exists', () => cluster.get(DEFAULT_ACCOUNT), {
    limitMs: ACCOUNT_LIMIT_MS,
    accept: ({ status }) => status === 200,
  })
}
