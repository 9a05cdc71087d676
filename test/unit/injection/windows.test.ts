import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decideInjection } from '../../../src/injection/decide.ts'
import type { Json, JsonObject } from '../../../src/json.ts'
import { deepFreeze, flask, POD, put } from '../../support/injection/objects.ts'

const create = (object: JsonObject) => decideInjection({ object: deepFreeze(object), optedIn: true })

const OS = 'kubernetes.io/os'
const OLD = 'beta.kubernetes.io/os'
const BUILD = 'node.kubernetes.io/windows-build'
const expression = (key: string, operator: string, ...values: string[]) => ({ key, operator, values })
const NODE_AFFINITY = [...POD, 'affinity', 'nodeAffinity'] as const
const REQUIRED = [...NODE_AFFINITY, 'requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms'] as const
/** Terms of required node affinity, each a list of expressions. */
const required = (...terms: readonly (readonly JsonObject[])[]) =>
  put(
    flask(),
    REQUIRED,
    terms.map((matchExpressions) => ({ matchExpressions })),
  )

const WINDOWS = expression(OS, 'In', 'windows')
const LINUX = expression(OS, 'In', 'linux')
const ZONE = expression('topology.kubernetes.io/zone', 'In', 'a')

suite('A16: Windows by any of its ways is refused', () => {
  const REFUSED: readonly (readonly [what: string, object: JsonObject, path: RegExp])[] = [
    ['spec.os', put(flask(), [...POD, 'os'], { name: 'windows' }), /spec\.os\.name/],
    ['the label', put(flask(), [...POD, 'nodeSelector'], { [OS]: 'windows' }), /nodeSelector\[kubernetes\.io\/os\]/],
    ['the old label', put(flask(), [...POD, 'nodeSelector'], { [OLD]: 'windows' }), /nodeSelector\[beta\.kube/],
    ['a build of Windows', put(flask(), [...POD, 'nodeSelector'], { [BUILD]: '10.0.20348' }), /windows-build/],
    ['required affinity', required([WINDOWS]), /nodeAffinity\.required/],
    ['required affinity by the old label', required([expression(OLD, 'In', 'windows')]), /nodeAffinity\.required/],
    ['required affinity by a build', required([expression(BUILD, 'Exists')]), /nodeAffinity\.required/],
    ['anything but Linux', required([expression(OS, 'NotIn', 'linux')]), /nodeAffinity\.required/],
    ['Windows in a zone', required([ZONE, WINDOWS]), /nodeAffinity\.required/],
    ['Windows in either zone', required([ZONE, WINDOWS], [WINDOWS]), /nodeAffinity\.required/],
    ['Windows, or nothing', required([WINDOWS], []), /nodeAffinity\.required/],
    ['Windows, or what cannot be', required([WINDOWS], [LINUX, WINDOWS]), /nodeAffinity\.required/],
  ]
  for (const [what, object, path] of REFUSED)
    test(`A16: ${what}`, () => {
      const decision = create(object)
      assert.equal(decision.kind, 'refused')
      assert.equal(decision.reason, 'windows')
      const [problem = '', ...others] = decision.kind === 'refused' ? decision.problems : []
      assert.match(problem, path)
      assert.match(problem, /Windows nodes only.*remove the migrate\.io\/ annotations/)
      assert.deepEqual(others, [])
    })

  const FINE: readonly (readonly [what: string, object: JsonObject])[] = [
    ['Linux', required([LINUX])],
    ['either', required([expression(OS, 'In', 'linux', 'windows')])],
    ['Windows or Linux', required([WINDOWS], [LINUX])],
    ['Windows, or any node of a zone', required([WINDOWS], [ZONE])],
    [
      'Windows, or a node by its name',
      put(required([WINDOWS], []), [...REQUIRED, 1], {
        matchFields: [expression('metadata.name', 'In', 'node-1')],
      }),
    ],
    ['anything but Windows', required([expression(OS, 'NotIn', 'windows')])],
    ['any system', required([expression(OS, 'Exists')])],
    ['no Windows', required([expression(BUILD, 'DoesNotExist')])],
    ['another system', required([expression(OS, 'In', 'darwin')])],
    ['no node at all', required([LINUX, WINDOWS])],
    ['no terms', put(flask(), REQUIRED, [])],
    [
      'Windows preferred',
      put(
        flask(),
        [...NODE_AFFINITY, 'preferredDuringSchedulingIgnoredDuringExecution'],
        [{ weight: 100, preference: { matchExpressions: [WINDOWS] } }],
      ),
    ],
    ['a taint of Windows nodes tolerated', put(flask(), [...POD, 'tolerations'], [{ key: 'os', value: 'windows' }])],
    ['the label of another thing', put(flask(), [...POD, 'nodeSelector'], { 'example.com/os': 'windows' })],
  ]
  for (const [what, object] of FINE)
    test(`A16: not for Windows only: ${what}`, () => assert.equal(create(object).kind, 'injected'))

  test('A16: no affinity makes it throw, whatever stands there', () => {
    const ANY: readonly Json[] = [null, 1, 'x', [], {}, [null], [1], [{}], [{ matchExpressions: [null, 1, {}] }]]
    for (let depth = POD.length + 1; depth <= REQUIRED.length; depth++)
      for (const value of ANY) {
        const object = put(flask(), REQUIRED.slice(0, depth), value)
        assert.equal(create(object).kind, 'injected', JSON.stringify(object))
      }
  })
})
