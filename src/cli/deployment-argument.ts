import { InvalidArgumentError } from 'commander'

const KIND = /^(deployments?|deploy)(\.apps)?\//
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/**
 * The name of a Deployment, alone or as `deployment/NAME`, which kubectl takes too.
 * @throws InvalidArgumentError that says what is allowed
 */
export function deploymentName(text: string): string {
  const name = text.replace(KIND, '')
  if (NAME.test(name)) return name
  throw new InvalidArgumentError('Must be the name of a Deployment, such as web or deployment/web.')
}
