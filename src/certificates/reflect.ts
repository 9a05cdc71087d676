// @peculiar/x509 finds its algorithms through tsyringe, which refuses to load without a metadata API on Reflect. None of the
// classes used here has metadata, so it may say "none" to everything.
const none = () => undefined
for (const name of ['getMetadata', 'getOwnMetadata', 'defineMetadata']) {
  if (!(name in Reflect)) Object.defineProperty(Reflect, name, { value: none, configurable: true, writable: true })
}
