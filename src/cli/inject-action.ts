import type { Command } from 'commander'
import { decideInjection, type InjectionDecision } from '../injection/decide.ts'
import type { JsonObject } from '../json.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { ManifestError } from './manifest/manifest-error.ts'
import { noticesOf } from './notices.ts'
import { readSources, SourceError } from './sources.ts'
import { type Transformed, transform } from './transform.ts'

/** Prints the manifests with the migration in them. A file does not know its namespace's labels: whoever injects it opts in. */
export async function injectManifests(command: Command, filename: readonly string[]): Promise<void> {
  await rewrite(command, filename, (object) => decideInjection({ object, optedIn: true }), noticesOf)
}

/** Prints the manifests without what was injected. */
export async function uninjectManifests(command: Command, filename: readonly string[]): Promise<void> {
  await rewrite(command, filename, (object) => decideInjection({ object, optedIn: false }))
}

/**
 * Reads manifests, decides about each Deployment and prints them all to standard output. If anything is refused,
 * nothing is printed there, so that a pipe to kubectl applies nothing.
 * @param noticesOf what to warn of beside the decisions
 */
async function rewrite(
  command: Command,
  filename: readonly string[],
  decide: (deployment: JsonObject) => InjectionDecision,
  noticesOf: (transformed: Transformed) => readonly string[] = () => [],
): Promise<void> {
  const result = await transformOrFail(command, filename, decide)
  let refused = 0
  for (const { place, decision } of result.decided) {
    for (const warning of decision.warnings) warn(`${place}: ${warning}`)
    if (decision.kind !== 'refused') continue
    refused++
    for (const problem of decision.problems) process.stderr.write(`refused: ${place}: ${problem}\n`)
  }
  for (const text of [...noticesOf(result), ...result.losses]) warn(text)
  if (refused > 0) {
    const others = result.decided.length - refused
    command.error(
      `migrate-io ${command.name()}: ${refused} of ${result.decided.length} Deployments refused, nothing written${others > 0 ? ', not even the others' : ''}`,
      { exitCode: EXIT_REFUSED },
    )
  }
  process.stdout.write(result.text)
}

/** Ends the program with one line where a manifest can't be read. */
export async function transformOrFail(
  command: Command,
  filename: readonly string[],
  decide: (deployment: JsonObject) => InjectionDecision,
): Promise<Transformed> {
  try {
    return transform(await readSources(filename), decide)
  } catch (error) {
    if (!(error instanceof ManifestError) && !(error instanceof SourceError)) throw error
    return command.error(`migrate-io ${command.name()}: ${error.message}`, { exitCode: EXIT_REFUSED })
  }
}

function warn(text: string): void {
  process.stderr.write(`warning: ${text}\n`)
}
