import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { allPages, anchorsOf, danglingReferencesOf, linksOf, type Page, pageAt } from '../../support/docs/markdown.ts'
import { root } from '../../support/tooling/root.ts'

const PAGES = allPages()

/** What is wrong with a link; undefined where it leads to something. */
function fault({ path }: Page, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined
  const [file = '', anchor] = target.split('#')
  const place = file === '' ? path : normalize(join(dirname(path), decodeURI(file)))
  if (place.startsWith('..')) return 'leads out of the project'
  if (!existsSync(join(root, place))) return 'leads to nothing'
  if (anchor === undefined) return undefined
  if (!place.endsWith('.md')) return 'has an anchor in what is no page'
  return anchorsOf(pageAt(place)).has(anchor) ? undefined : 'leads to a heading that is not there'
}

test('every relative link of every page leads to something', () => {
  const faults = PAGES.flatMap((page) =>
    linksOf(page).flatMap((target) => {
      const wrong = fault(page, target)
      return wrong === undefined ? [] : [`${page.path}: ${target} ${wrong}`]
    }),
  )
  assert.deepEqual(faults, [])
})

test('every reference of every page is given', () => {
  const faults = PAGES.flatMap((page) => danglingReferencesOf(page).map((label) => `${page.path}: [${label}]`))
  assert.deepEqual(faults, [])
})

test('the index leads to every page of docs', () => {
  const index = pageAt('docs/README.md')
  const listed = new Set(linksOf(index).map((target) => normalize(join('docs', target))))
  const missing = PAGES.map(({ path }) => path).filter(
    (path) => /^docs\/(tutorial|how-to|reference|explanation)\//.test(path) && !listed.has(path),
  )
  assert.deepEqual(missing, [])
})

test('a link that leads nowhere is noticed', () => {
  const page = { path: 'docs/README.md', text: '[a](no-such.md) [b](README.md#no-such) [c](../../x) [d](README.md)' }
  assert.deepEqual(
    linksOf(page).map((target) => fault(page, target)),
    ['leads to nothing', 'leads to a heading that is not there', 'leads out of the project', undefined],
  )
})
