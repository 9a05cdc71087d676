export { debianImage, flaskImage, postgresImage } from './application.ts'
export { busyboxImage, movedTag, pauseImage } from './busybox.ts'
export type { Image } from './image.ts'
export { migrateIoImage } from './migrate-io.ts'
