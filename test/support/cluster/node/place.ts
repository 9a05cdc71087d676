import { recordedProcess } from '../run-folder.ts'
import { homeOf } from './names.ts'
import { type Range, rangeOf } from './range.ts'

/** Which node of which cluster, and where it is. */
export interface Place {
  folder: string
  /** From 1. */
  number: number
  /** The Node's name; also that of the machine. */
  name: string
  /** The node's files. */
  home: string
  range: Range
  address: string
  /** This machine's id of the node's first process. Throws while the node is down. */
  init(): number
}

export function placeOf(folder: string, rangeNumber: number, number: number): Place {
  const name = `node-${number}`
  const range = rangeOf(rangeNumber)
  return {
    folder,
    number,
    name,
    home: homeOf(folder, number),
    range,
    address: range.node(number),
    init: () => {
      const identity = recordedProcess(folder, name)
      if (!identity) throw new Error(`${name} has not been started`)
      return identity.pid
    },
  }
}
