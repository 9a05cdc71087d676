import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { identities, lockedPackages } from '../../support/image/layer.ts'
import { root } from '../../support/tooling/root.ts'

interface Spdx {
  readonly spdxVersion: string
  readonly packages: { name: string; versionInfo: string; licenseDeclared: string }[]
}

test('S5: npm run sbom lists the packages that the lock file has for production, each with its licence, and no other', () => {
  const output = execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: root, encoding: 'utf8', stdio: 'pipe' })
  const { spdxVersion, packages } = JSON.parse(output) as Spdx
  assert.match(spdxVersion, /^SPDX-2/)
  const [own, ...others] = packages
  assert.equal(own?.name, 'migrate-io')
  const listed = others.map(({ name, versionInfo: version }) => ({ name, version }))
  assert.deepEqual(identities(listed), identities(lockedPackages(join(root, 'package-lock.json'))))
  assert.deepEqual(
    packages
      .filter(({ licenseDeclared }) => !licenseDeclared || licenseDeclared === 'NOASSERTION')
      .map(({ name }) => name),
    [],
  )
})
