import type { Command } from 'commander'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { type ClusterConnection, connectCluster } from './connect.ts'
import type { ClusterOptions } from './options.ts'
import { troubleInWords } from './trouble.ts'

/**
 * Does a command's work on the cluster that its options name, and closes the connection. Where the cluster can't be found
 * or asked, the program ends with one line and exit code 1.
 */
export async function onCluster<T>(
  command: Command,
  options: ClusterOptions,
  work: (cluster: ClusterConnection) => Promise<T>,
): Promise<T> {
  let source: string | undefined
  try {
    using cluster = await connectCluster(options)
    source = cluster.source
    return await work(cluster)
  } catch (error) {
    const words = troubleInWords(error, source)
    if (words === undefined) throw error
    return command.error(`migrate-io ${command.name()}: ${words}`, { exitCode: EXIT_REFUSED })
  }
}
