import type { ServerResponse } from 'node:http'
import { answer, refuse, type Seen } from './fake-api-server.ts'
import { line, list, pod } from './objects.ts'

interface Change {
  version: number
  text: string
}

/** What happens to the next request of a kind. */
export type RequestFault = 410 | 429 | 500 | 'reset' | 'silent' | 'empty'
/** What happens to the streams that are open. */
export type StreamFault =
  | 'end'
  | 'reset'
  | 'half a line'
  | 'bad JSON'
  | 'no event'
  | '410 within'
  | '500 within'
  | 'doubled'
  | 'all over again'
  | 'lost'

/** The server itself notices nothing. */
const CONTINUES: StreamFault[] = ['bad JSON', 'no event', 'doubled', 'all over again', 'lost']

/** Pods that are listed in pages of two, and watched, with a history like the API server's and all that can go wrong. */
export class FakeWatched {
  readonly pods = new Map<string, { version: number; made: number }>()
  readonly listFaults: RequestFault[] = []
  readonly watchFaults: RequestFault[] = []
  lists = 0
  watches = 0
  #version = 100
  #history: Change[] = []
  #compacted = 0
  readonly #streams = new Set<ServerResponse>()

  put(name: string): void {
    const before = this.pods.get(name)
    const made = before?.made ?? ++this.#version
    this.pods.set(name, { version: ++this.#version, made })
    this.#tell(before ? 'MODIFIED' : 'ADDED', name, made)
  }

  delete(name: string): void {
    const before = this.pods.get(name)
    if (!before) return
    this.pods.delete(name)
    this.#version++
    this.#tell('DELETED', name, before.made)
  }

  /** Forgets what came before, so that who wants to go on from there gets 410. */
  compact(): void {
    this.#compacted = this.#version
    this.#history = []
  }

  disturb(fault: StreamFault): void {
    if (fault === 'lost') this.#lose()
    const last = this.#history.at(-1)?.text ?? ''
    for (const stream of this.#streams) {
      if (fault === 'lost') continue
      if (!CONTINUES.includes(fault)) this.#streams.delete(stream)
      if (fault === 'end') stream.end()
      else if (fault === 'reset') stream.socket?.resetAndDestroy()
      else if (fault === 'half a line') stream.end(line('ADDED', pod('half', 1)).slice(0, 40))
      else if (fault === 'bad JSON') stream.write('{"type": "ADDED", "object"\n')
      else if (fault === 'no event') stream.write('{"type": "SURPRISE"}\nnull\n')
      else if (fault === 'doubled') stream.write(last + last)
      else if (fault === 'all over again') stream.write(this.#history.map(({ text }) => text).join(''))
      else stream.end(line('ERROR', { kind: 'Status', code: Number(fault.slice(0, 3)), message: fault }))
    }
  }

  readonly handler = (response: ServerResponse, { url }: Seen): void => {
    const isWatch = url.searchParams.get('watch') === '1'
    if (isWatch) this.watches++
    else this.lists++
    const fault = (isWatch ? this.watchFaults : this.listFaults).shift()
    if (fault === 'silent') return
    if (fault === 'reset') response.socket?.resetAndDestroy()
    else if (fault === 'empty') response.writeHead(200, { 'content-type': 'application/json' }).end()
    else if (fault !== undefined) refuse(response, fault, {}, fault === 429 ? { 'retry-after': '1' } : {})
    else if (isWatch) this.#watch(response, Number(url.searchParams.get('resourceVersion')))
    else this.#list(response, url.searchParams.get('continue'))
  }

  get streams(): number {
    return this.#streams.size
  }

  #tell(type: string, name: string, made: number): void {
    const text = line(type, pod(name, this.#version, { uid: `${name}-${made}` }))
    this.#history.push({ version: this.#version, text })
    for (const stream of this.#streams) stream.write(text)
  }

  /** The next change is in no stream, as if the server had forgotten it. */
  #lose(): void {
    this.pods.set('unseen', { version: ++this.#version, made: this.#version })
  }

  #watch(response: ServerResponse, from: number): void {
    if (from < this.#compacted) {
      refuse(response, 410, { reason: 'Expired' })
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    for (const { version, text } of this.#history) if (version > from) response.write(text)
    this.#streams.add(response)
    response.once('close', () => this.#streams.delete(response))
  }

  /** Pages of two. The token names version and place; it has expired once something was written since. */
  #list(response: ServerResponse, token: string | null): void {
    const [version = this.#version, start = 0] = token?.split(' ').map(Number) ?? []
    if (version !== this.#version) {
      refuse(response, 410, { reason: 'Expired' })
      return
    }
    const all = [...this.pods].map(([name, { version, made }]) => pod(name, version, { uid: `${name}-${made}` }))
    const more = start + 2 < all.length ? `${version} ${start + 2}` : undefined
    answer(response, 200, list(all.slice(start, start + 2), version, more))
  }
}
