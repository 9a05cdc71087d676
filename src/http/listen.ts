import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

const LISTEN_REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses it; stop that one, or choose another port',
  EACCES: 'ports below 1024 need privileges; choose a higher one, such as 8443',
  EADDRNOTAVAIL: 'this machine has no such address; omit --host to listen on all',
  ENOTFOUND: 'no such host; give an address of this machine, or omit --host',
}

interface Where {
  /** 0: any free one. */
  readonly port: number
  /** Left out: all addresses, IPv6 and IPv4. */
  readonly host?: string | undefined
}

/** @returns the port, chosen by the system if it was 0. @throws ListenError */
export async function listen(app: FastifyInstance, { port, host }: Where): Promise<number> {
  try {
    await app.listen({ port, host: host ?? '::' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const noIpv6 = code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
    if (host === undefined && noIpv6) return listen(app, { port, host: '0.0.0.0' })
    throw new ListenError(code, { port, host }, { cause: error })
  }
  return (app.server.address() as AddressInfo).port
}

/** A port that can't be had. The message says why and what to do, in one line. */
class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: string

  constructor(code: string, { port, host }: Where, options: ErrorOptions) {
    const remedy = LISTEN_REMEDIES[code] ?? `the system reports ${code || 'no reason'}`
    super(`cannot listen on port ${port}${host === undefined ? '' : ` of ${host}`}: ${remedy}`, options)
    this.code = code
  }
}
