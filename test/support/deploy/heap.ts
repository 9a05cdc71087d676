import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { root } from '../tooling/root.ts'

const SHARE = /--max-old-space-size-percentage=(\d+)/

/** How much memory a role has where it is installed. */
export interface Memory {
  /** Of its container. */
  readonly limitMib: number
  /** The `NODE_OPTIONS` of its container, with the share of the memory in MiB: so they mean the same without a container. */
  readonly nodeOptions: string
}

/** As deploy/base has it. */
export function installedMemory(role: 'webhook' | 'controller'): Memory {
  const documents = parseAllDocuments(readFileSync(`${root}/deploy/base/${role}.yaml`, 'utf8'))
  const objects = documents.map((each) => each.toJS() as { kind: string; spec: Workload })
  const [container] = objects.find(({ kind }) => kind === 'Deployment')?.spec.template.spec.containers ?? []
  const limitMib = Number(/^(\d+)Mi$/.exec(container?.resources.limits.memory ?? '')?.[1])
  const options = container?.env?.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? ''
  if (Number.isNaN(limitMib) || !SHARE.test(options))
    throw new Error(`deploy/base/${role}.yaml sets no limits of memory`)
  const inMib = (_: string, share: string) => `--max-old-space-size=${Math.floor((limitMib * Number(share)) / 100)}`
  return { limitMib, nodeOptions: options.replace(SHARE, inMib) }
}

/** The options of Node.js that the image starts it with. */
export function engineFlags(): readonly string[] {
  const [, entrypoint] = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(`${root}/Dockerfile`, 'utf8')) ?? []
  const [, ...args] = JSON.parse(entrypoint ?? '[]') as string[]
  if (args.length === 0) throw new Error('Dockerfile has no ENTRYPOINT')
  return args.slice(0, -1)
}

interface Workload {
  readonly template: { readonly spec: { readonly containers: readonly Container[] } }
}

interface Container {
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly resources: { readonly limits: { readonly memory: string } }
}
