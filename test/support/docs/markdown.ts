import { globSync, readFileSync } from 'node:fs'
import { root } from '../tooling/root.ts'

/** A page of the project. */
export interface Page {
  /** From the root of the project. */
  readonly path: string
  readonly text: string
}

/** A fenced block. */
export interface Block {
  /** What stands after the fence: a language, and more behind it. */
  readonly info: string
  readonly text: string
  /** The heading above it. */
  readonly heading: string
}

/** Every page that people read: what git ignores, and what others have written, is left out. */
export function allPages(): readonly Page[] {
  const exclude = (path: string) => /(^|\/)(node_modules|dist|\.git)(\/|$)/.test(path)
  return globSync('**/*.md', { cwd: root, exclude })
    .toSorted()
    .map((path) => ({ path, text: readFileSync(`${root}/${path}`, 'utf8') }))
}

export function pageAt(path: string): Page {
  return { path, text: readFileSync(`${root}/${path}`, 'utf8') }
}

export function blocksOf({ text }: Page): readonly Block[] {
  let heading = ''
  const blocks: Block[] = []
  let open: { info: string; lines: string[] } | undefined
  for (const line of text.split('\n')) {
    const fence = /^```(.*)$/.exec(line)
    if (fence !== null && open === undefined) open = { info: fence[1] ?? '', lines: [] }
    else if (fence !== null && open !== undefined) {
      blocks.push({ info: open.info, text: open.lines.join('\n'), heading })
      open = undefined
    } else if (open !== undefined) open.lines.push(line)
    else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading
  }
  return blocks
}

/** What is not in a fenced block. */
export function proseOf({ text }: Page): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '')
}

/** Targets of links and pictures, with those of references; code is no link. */
export function linksOf(page: Page): readonly string[] {
  const text = proseOf(page).replaceAll(/`[^`\n]*`/g, 'code')
  const inline = [...text.matchAll(/\]\(<?([^()\s>]+)>?(?: "[^"]*")?\)/g)]
  const references = [...text.matchAll(/^\[[^\]]+\]: (\S+)$/gm)]
  return [...inline, ...references].map(([, target]) => target ?? '')
}

/** Labels of references that are used and not given. */
export function danglingReferencesOf(page: Page): readonly string[] {
  const text = proseOf(page).replaceAll(/`[^`\n]*`/g, 'code')
  const given = new Set([...text.matchAll(/^\[([^\]]+)\]: /gm)].map(([, label]) => label))
  const used = [...text.matchAll(/\]\[([^\]]+)\]/g)].map(([, label]) => label ?? '')
  return used.filter((label) => !given.has(label))
}

/** Anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(page: Page): ReadonlySet<string> {
  const headings = [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading ?? '')
  return new Set(
    headings.map((heading) =>
      heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}
