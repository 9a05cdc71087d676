import { readFileSync } from 'node:fs'
import type { Review } from '../bench/review.ts'

/** What a real API server asked about examples/flask/deployment.yaml when it was created; test/bench/make-review.ts records it. */
export const EXAMPLE_REVIEW_FILE = new URL('review.json', import.meta.url)

export function exampleReview(): Review {
  return JSON.parse(readFileSync(EXAMPLE_REVIEW_FILE, 'utf8')) as Review
}
