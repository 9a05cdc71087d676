import { readFileSync } from 'node:fs'
import { get as getPlain } from 'node:http'
import { Agent, get } from 'node:https'
import { pkiFiles } from './certificates.ts'

const LOOK_LIMIT_MS = 2000 // one look at whether a component is ready; the next one follows

/** True when the address answers 200; otherwise the status. Throws when nothing answers. */
export function answersOk(url: string, folder: string): Promise<boolean | string> {
  const signal = AbortSignal.timeout(LOOK_LIMIT_MS)
  return new Promise((resolve, reject) => {
    const answer = (response: { statusCode?: number | undefined; resume(): unknown }) => {
      response.resume()
      resolve(response.statusCode === 200 ? true : `status ${response.statusCode}`)
    }
    // With the cluster's own authority, so that nobody else's server on this port is taken for ours.
    const agent = () => new Agent({ ca: readFileSync(pkiFiles(folder).ca.certificate) })
    const call = url.startsWith('https:')
      ? get(url, { agent: agent(), signal }, answer)
      : getPlain(url, { agent: false, signal }, answer)
    call.once('error', reject)
  })
}
