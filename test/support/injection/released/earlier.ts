import assert from 'node:assert/strict'
import type { DeploymentObject } from '../../../../src/injection/deployment.ts'
import { findWrapper, type Wrapper } from '../../../../src/injection/wrapper.ts'
import { deploymentsOf } from '../../../golden/golden.ts'
import { expanded } from '../../installation/expansion.ts'
import { root } from '../../tooling/root.ts'

/** The article's Deployment as 0.1.0 (66808a9) injected it: what stays in clusters for years. Never made anew. */
export function earlierDeployment(): DeploymentObject {
  const [deployment] = deploymentsOf(`${root}/test/support/injection/released/0.1.0.yaml`)
  assert.ok(deployment)
  return deployment as DeploymentObject
}

export function earlierWrapper(): Wrapper {
  const wrapper = findWrapper(earlierDeployment().spec.template)
  assert.ok(wrapper)
  return wrapper
}

/** Its script as a shell gets it. */
export function earlierScript(): string {
  return expanded(earlierWrapper().command[2] ?? '', () => undefined)
}
