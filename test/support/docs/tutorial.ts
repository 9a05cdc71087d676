import { type Block, blocksOf, pageAt } from './markdown.ts'

/** Marks, behind the language, what only a person's own machine can run. */
const ELSEWHERE = 'your-machine'

/** Commands of the tutorial, in order, each with the heading that it stands under. */
export interface Tutorial {
  readonly here: readonly Block[]
  readonly elsewhere: readonly Block[]
}

/** @throws Error where a block of commands has a mark that means nothing */
export function readTutorial(): Tutorial {
  const commands = blocksOf(pageAt('docs/tutorial/first-migration.md')).filter(({ info }) =>
    /^(sh|bash|console)\b/.test(info),
  )
  const odd = commands.filter(({ info }) => info !== 'sh' && info !== `sh ${ELSEWHERE}`)
  if (odd.length > 0)
    throw new Error(
      `blocks of commands are \`sh\` or \`sh ${ELSEWHERE}\`, not ${odd.map(({ info }) => info).join(', ')}`,
    )
  const [here, elsewhere] = [commands.filter(({ info }) => info === 'sh'), commands.filter(({ info }) => info !== 'sh')]
  return { here, elsewhere }
}
