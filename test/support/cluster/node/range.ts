/**
 * The addresses of one cluster, a /22 of 198.18.0.0/15: that range is set aside for benchmarks (RFC 2544), so no network
 * that the machine talks to is hidden by it. `A` is the number of the range, 0 to 127.
 *
 *   198.18.(4A).0/24    the nodes' network: .1 is this machine, .11 the first node, .12 the second
 *   198.18.(4A+1).0/24  services
 *   198.18.(4A+2).0/23  pods, a /24 for each node
 */
export const RANGES = 128
export const MOST_NODES = 2

const FIRST_NODE = 11

export interface Range {
  /** The whole of it. */
  all: string
  /** This machine's address in it, at which the API server listens. */
  host: string
  services: string
  /** The address of the Service `kubernetes`. */
  firstService: string
  pods: string
  /** By the node's number, from 1. */
  node(number: number): string
  podsOf(number: number): string
}

export function rangeOf(number: number): Range {
  const third = (number * 4) % 256
  const second = 18 + Math.floor((number * 4) / 256)
  const at = (offset: number, last: number) => `198.${second}.${third + offset}.${last}`
  return {
    all: `${at(0, 0)}/22`,
    host: at(0, 1),
    services: `${at(1, 0)}/24`,
    firstService: at(1, 1),
    pods: `${at(2, 0)}/23`,
    node: (number) => at(0, FIRST_NODE + number - 1),
    podsOf: (number) => `${at(1 + number, 0)}/24`,
  }
}

/** Whether two ranges such as 198.18.4.0/22 have an address in common; an address alone is a range of one. */
export function overlap(a: string, b: string): boolean {
  const [first, second] = [parse(a), parse(b)]
  const common = 2 ** (32 - Math.min(first.bits, second.bits))
  return Math.floor(first.address / common) === Math.floor(second.address / common)
}

function parse(range: string): { address: number; bits: number } {
  const [address = '', bits = '32'] = range.split('/')
  const bytes = address.split('.').map(Number)
  return { address: bytes.reduce((sum, byte) => sum * 256 + byte, 0), bits: Number(bits) }
}
