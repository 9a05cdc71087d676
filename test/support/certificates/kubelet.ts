import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Site } from './installed.ts'
import { type SecretVolume, secretVolume } from './secret-volume.ts'

const LOOK_MS = 250

/** A folder in which the Secret's certificate and key are mounted, as optional: a change gets there after the delay. */
export async function mountSecret(t: TestContext, site: Site, { delayMs = 0 } = {}): Promise<SecretVolume> {
  const volume = await secretVolume(t)
  const stopping = new AbortController()
  const { signal } = stopping
  let shown: string | undefined
  const running = (async () => {
    while (!signal.aborted) {
      const secret = await site.secret()
      const version = secret?.metadata.resourceVersion ?? 'none'
      if (version !== shown) {
        await pause(delayMs, undefined, { signal })
        await volume.show(secret ? filesOf(secret.data ?? {}) : {})
        shown = version
      }
      await pause(LOOK_MS, undefined, { signal })
    }
  })().catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  t.after(async () => {
    stopping.abort()
    await running
  })
  return volume
}

/** As `items` of the volume name them: the authority's key is for nobody but the controller. */
function filesOf(data: Readonly<Record<string, string>>): Record<string, string> {
  const names = ['tls.crt', 'tls.key'].filter((name) => name in data)
  return Object.fromEntries(names.map((name) => [name, Buffer.from(data[name] ?? '', 'base64').toString()]))
}
