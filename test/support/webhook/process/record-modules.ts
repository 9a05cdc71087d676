/** Preloaded into the webhook: writes the address of each module it has loaded, ESM and CommonJS, when the process exits. */
import { writeFileSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'

const file = process.env['RECORD_MODULES_IN']
const urls = new Set<string>()
registerHooks({
  load(url, context, nextLoad) {
    urls.add(url)
    return nextLoad(url, context)
  },
})
process.on('exit', () => {
  if (file === undefined) return
  for (const path of Object.keys(createRequire(import.meta.url).cache)) urls.add(path)
  writeFileSync(file, JSON.stringify([...urls]))
})
