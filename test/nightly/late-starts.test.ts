export {}

/** L14 with as many starts as show what happens once in a hundred; see the file for what is shown. */
process.env['MIGRATE_IO_LATE_STARTS'] = '300'
await import('../node/lock/late.test.ts')
