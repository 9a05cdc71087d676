import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { parse } from 'yaml'
import { type Cluster, type Context, newClusters, newContexts, newUsers, type User } from './client-node.ts'
import { LoadError } from './errors.ts'

/** One or several kubeconfig files as one. */
interface Kubeconfig {
  readonly clusters: readonly Cluster[]
  readonly contexts: readonly Context[]
  readonly users: readonly User[]
  readonly currentContext: string | undefined
}

/**
 * Reads the files and merges them as kubectl does: of two entries with the same name the first counts, and so does the
 * first `current-context`. Paths in a file are relative to its folder.
 *
 * @throws LoadError
 */
export async function readKubeconfigs(files: readonly string[]): Promise<Kubeconfig> {
  const parts = await Promise.all(files.map(readKubeconfig))
  return {
    clusters: firstOfEachName(parts.flatMap(({ clusters }) => clusters)),
    contexts: firstOfEachName(parts.flatMap(({ contexts }) => contexts)),
    users: firstOfEachName(parts.flatMap(({ users }) => users)),
    currentContext: parts.find(({ currentContext }) => currentContext)?.currentContext,
  }
}

async function readKubeconfig(file: string): Promise<Kubeconfig> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new LoadError(
      'UNREADABLE',
      `cannot read the kubeconfig ${file} (${cause.code}): check --kubeconfig, KUBECONFIG and who may read the file`,
      { cause },
    )
  })
  try {
    const content: unknown = parse(text)
    if (typeof content !== 'object' || content === null) throw new Error("it isn't a mapping")
    const { clusters, contexts, users, 'current-context': currentContext } = content as Record<string, unknown>
    const at = (path: string) => resolve(dirname(file), path)
    return {
      clusters: newClusters(clusters).map((cluster) => ({ ...cluster, ...absolute(cluster, ['caFile'], at) })),
      contexts: newContexts(contexts),
      users: newUsers(withTokenFiles(users, at)).map((user) => ({
        ...user,
        ...absolute(user, ['certFile', 'keyFile'], at),
        ...(user.exec ? { exec: withCommandAt(user.exec, at) } : {}),
      })),
      currentContext: typeof currentContext === 'string' && currentContext !== '' ? currentContext : undefined,
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new LoadError('MALFORMED', `the file ${file} isn't a kubeconfig: ${why}`, { cause })
  }
}

type At = (path: string) => string

function absolute<K extends string>(entry: { [k in K]?: string }, keys: readonly K[], at: At): { [k in K]?: string } {
  const paths: { [k in K]?: string } = {}
  for (const key of keys) {
    const path = entry[key]
    if (path) paths[key] = at(path)
  }
  return paths
}

/** client-node looks for `token-file`; the field is called `tokenFile`, and is read again as it rotates. */
function withTokenFiles(users: unknown, at: At): unknown {
  if (!Array.isArray(users)) return users
  return users.map((entry: { user?: { tokenFile?: string; token?: string } }) => {
    const tokenFile = entry?.user?.tokenFile
    if (!tokenFile) return entry
    // The file wins over a token beside it, as in client-go.
    const { token: _, ...user } = entry.user ?? {}
    return { ...entry, user: { ...user, 'auth-provider': { name: 'tokenFile', config: { tokenFile: at(tokenFile) } } } }
  })
}

/** A command with a slash is relative to the file; one without is looked up in PATH. */
function withCommandAt(exec: { command?: string }, at: At): object {
  const { command } = exec
  const isPath = typeof command === 'string' && command.includes('/') && !isAbsolute(command)
  return isPath ? { ...exec, command: at(command) } : exec
}

function firstOfEachName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  return entries.filter(({ name }, nth) => entries.findIndex((other) => other.name === name) === nth)
}
