import { ANNOTATIONS } from '../injection/annotations.ts'
import { nearest } from '../injection/suggestion.ts'
import { PREFIX } from '../names.ts'

const KEYS = Object.keys(ANNOTATIONS).map((name) => PREFIX + name)

/** Where a user may have put what belongs into the Deployment's own annotations. */
export interface Places {
  readonly annotations: Readonly<Record<string, unknown>>
  readonly labels: Readonly<Record<string, unknown>>
  readonly templateAnnotations: Readonly<Record<string, unknown>>
}

/**
 * What looks like one of our annotations and is none: a prefix with a typing error, which admission can't know for ours,
 * or the right key in the wrong place. Whole sentences.
 */
export function misplaced({ annotations, labels, templateAnnotations }: Places): readonly string[] {
  const wrongPrefix = Object.keys(annotations).flatMap((key) => {
    if (key.startsWith(PREFIX) || !/migrat/i.test(key)) return []
    const meant = nearest(key, KEYS)
    return meant === undefined ? [] : [`its annotation ${key} is none of ours; did you mean ${meant}?`]
  })
  const asLabel = KEYS.filter((key) => Object.hasOwn(labels, key)).map(
    (key) => `${key} is one of its labels, but belongs under metadata.annotations`,
  )
  const inTemplate = KEYS.filter((key) => Object.hasOwn(templateAnnotations, key)).map(
    (key) =>
      `${key} stands under spec.template.metadata.annotations, but belongs under the Deployment's own metadata.annotations`,
  )
  return [...wrongPrefix, ...asLabel, ...inTemplate]
}
