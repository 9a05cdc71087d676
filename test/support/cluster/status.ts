import type { PeoplesCluster } from './peoples-cluster.ts'
import { isRunning, recordedProcesses } from './run-folder.ts'

interface NodeObject {
  status?: { conditions?: { type: string; status: string }[] }
}

export interface Status {
  lines: string[]
  /** Every process runs, the API server answers and every node is ready. */
  isWhole: boolean
}

export async function statusOf({ folder, level, url, nodes, get }: PeoplesCluster): Promise<Status> {
  const processes = recordedProcesses(folder).toSorted()
  const running = processes.map((name) => isRunning(folder, name))
  const readiness = await Promise.all(nodes.map((name) => readinessOf(name, get)))
  const api = await answerOf(get)
  return {
    lines: [
      `level ${level}, ${url}: ${api}`,
      ...processes.map((name, index) => `  ${name}: ${running[index] ? 'runs' : 'does not run'}`),
      ...nodes.map((name, index) => `node ${name}: ${readiness[index]}`),
    ],
    isWhole: running.every(Boolean) && api === 'ready' && readiness.every((each) => each === 'ready'),
  }
}

async function answerOf(get: PeoplesCluster['get']): Promise<string> {
  try {
    const { status } = await get('/readyz')
    return status === 200 ? 'ready' : `answers with status ${status}`
  } catch (error) {
    return `does not answer: ${(error as Error).message}`
  }
}

async function readinessOf(name: string, get: PeoplesCluster['get']): Promise<string> {
  try {
    const { body } = await get<NodeObject>(`/api/v1/nodes/${name}`)
    const isReady = body.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
    return isReady ? 'ready' : 'not ready'
  } catch {
    return 'unknown'
  }
}
