/** The ids of ACCEPTANCE.md that finished issues have to show: each needs a passing test and may have none skipped. */
export const REQUIRED_IDS = [
  ...['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8', 'A9', 'A10', 'A11', 'A12', 'A13'],
  ...['W1', 'W2', 'W3', 'W4', 'W5', 'W6', 'S1', 'S2', 'S3', 'S4', 'S5', 'O1', 'O2', 'O3', 'O4', 'O5', 'P2'],
  ...['L1', 'L2', 'L3', 'L4', 'L5', 'L6', 'L7', 'L8', 'L9'],
] as const

/** The ids that a test's name begins with: `A7: …` or `A2, A7: …`. */
export function idsOf(testName: string): readonly string[] {
  const head = /^((?:[AWLSOP]\d{1,2}(?:, )?)+):/.exec(testName)?.[1]
  return head === undefined ? [] : head.split(', ')
}
