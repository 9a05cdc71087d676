import type { Manifest } from '../installation/deployment.ts'
import { app } from '../installation/deployment.ts'
import type { Place } from '../installation/place.ts'

const PORT = 8080
const INTERVAL_MS = 100
const ANSWER_LIMIT_MS = 2_000

/** One call: the revision that answered, or what went wrong. */
export interface Sample {
  readonly atMs: number
  readonly text: string
}

/** The apps of a Deployment, called all the time through a Service. */
export interface Service extends Disposable {
  samples(): readonly Sample[]
}

/** Has the app answer with its revision, before all else that it does. */
export function serve(manifest: Manifest): void {
  const container = app(manifest)
  const [shell = 'sh', flag = '-c', script = ''] = container.command ?? []
  const page = 'mkdir -p /tmp/www && printf "%s" "$REVISION" >/tmp/www/index.html'
  container.command = [shell, flag, `${page}; httpd -p ${PORT} -h /tmp/www; ${script}`]
  const httpGet = { path: '/index.html', port: PORT }
  container['readinessProbe'] = { httpGet, periodSeconds: 1 }
}

/** Makes a Service for a Deployment that serves, and calls it until disposed. */
export async function callService(place: Place, deployment: string): Promise<Service> {
  await place.kubectl(['expose', 'deployment', deployment, `--port=${PORT}`])
  const { stdout } = await place.kubectl(['get', 'service', deployment, '-o', 'jsonpath={.spec.clusterIP}'])
  const samples: Sample[] = []
  const timer = setInterval(() => void sample(`http://${stdout}:${PORT}/index.html`, samples), INTERVAL_MS)
  return {
    samples: () => samples,
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

async function sample(url: string, samples: Sample[]): Promise<void> {
  const atMs = Date.now()
  try {
    // A connection of its own: one that is kept would stay with one pod.
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS)
    const response = await fetch(url, { signal, headers: { connection: 'close' } })
    samples.push({ atMs, text: await response.text() })
  } catch (error) {
    samples.push({ atMs, text: String(error) })
  }
}
