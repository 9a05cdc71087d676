import { parseArgs } from 'node:util'
import { check, countStuck, type Model } from './check.ts'
import { lockModel } from './lock.ts'
import { NAMED_CONFIGURATIONS, NAMED_NEEDED, NAMED_RULES, type NamedRule, namedModel } from './named.ts'
import { CONFIGURATIONS, NEEDED, RULES, type Rule } from './rules.ts'

/**
 * Checks the lock protocol in every reachable state: as designed, then with one rule left out at a time, which must give
 * a violation. `npm run model [-- --quick]`
 */
const { quick: isQuick } = parseArgs({ options: { quick: { type: 'boolean', default: false } } }).values
let wrong = 0

/** Looks at every state of a model, and says what came of it. */
function show<State>(name: string, model: Model<State>, isToBreak: boolean): void {
  const started = performance.now()
  const { states, broken } = check(model)
  const took = `${states} states, ${((performance.now() - started) / 1000).toFixed(1)} s`
  const result = broken === undefined ? 'no violation' : `${broken.what} after ${broken.names.length} steps`
  const isRight = (broken !== undefined) === isToBreak
  console.log(`${isRight ? '' : 'WRONG: '}${name}: ${result} (${took})`)
  if (isRight) return
  wrong++
  if (broken !== undefined) console.log(`  ${broken.names.join('\n  ')}`)
}

function showStuck<State>(name: string, model: Model<State>): void {
  const { states, stuck, example } = countStuck(model)
  console.log(
    `${name}: success ${stuck === 0 ? 'always within reach' : `OUT OF REACH from ${JSON.stringify(example)}`} (${states} states)`,
  )
  if (stuck > 0) wrong++
}

const [first] = Object.values(CONFIGURATIONS)
const [firstNamed] = Object.values(NAMED_CONFIGURATIONS)
for (const [name, { options, isQuick: isShort }] of Object.entries(CONFIGURATIONS))
  if (isShort || !isQuick) show(name, lockModel(options), false)
for (const [name, options] of Object.entries(NAMED_CONFIGURATIONS)) show(name, namedModel(options), false)
if (first !== undefined) showStuck('own lock', lockModel(first.options))
if (firstNamed !== undefined) showStuck('named lock', namedModel(firstNamed))
for (const rule of Object.keys(RULES) as Rule[])
  show(`without "${RULES[rule]}"`, lockModel({ ...NEEDED[rule], without: rule }), true)
for (const rule of Object.keys(NAMED_RULES) as NamedRule[])
  show(`without "${NAMED_RULES[rule]}"`, namedModel({ ...NAMED_NEEDED[rule], without: rule }), true)
process.exitCode = wrong > 0 ? 1 : 0
