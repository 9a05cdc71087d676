/**
 * Like Promise.all, but a failure is thrown only when all have come to an end: nothing goes on in the background while
 * the caller clears up.
 */
export async function together<T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}
