/** A process of a cluster, as it is started and looked at. */
export interface Program {
  /** Of its record and its log in the run folder. */
  name: string
  /** The program and its arguments. */
  command: string[]
  /** The first process of the machine that it runs on. Default: this machine. */
  machine?: number
  /** It makes a machine: the process that it starts is the machine's first. */
  isMachine?: boolean
  /** True once it serves; throws or returns what it says instead while it doesn't. */
  isReady(): Promise<boolean | string>
}
