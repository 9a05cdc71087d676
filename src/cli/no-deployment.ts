import type { Command } from 'commander'
import type { ClusterConnection } from './cluster/connect.ts'

/** For a Deployment that does not exist. */
export function noDeployment(
  command: Command,
  deployment: string,
  { namespace, source }: Pick<ClusterConnection, 'namespace' | 'source'>,
): string {
  const where = namespace === undefined ? 'in any namespace' : `in namespace ${namespace}`
  return `migrate-io ${command.name()}: there is no Deployment ${deployment} ${where} (${source}); choose by -n, -A or --context`
}
