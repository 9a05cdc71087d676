/** Buckets of runs, and of waits for them: from a command that finds nothing to do to a backfill of half a day. */
export const RUN_EDGES_SECONDS = [1, 2.5, 5, 10, 30, 60, 150, 300, 600, 1800, 3600, 10_800, 43_200]
