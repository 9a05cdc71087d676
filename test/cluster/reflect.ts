// @peculiar/x509 finds its algorithms through tsyringe, which refuses to load without a metadata API on Reflect, though
// none of the classes used here has metadata. To be replaced by the package reflect-metadata once that is a dependency.
const nothing = () => undefined
for (const name of ['getMetadata', 'getOwnMetadata', 'defineMetadata']) {
  if (!(name in Reflect)) Object.defineProperty(Reflect, name, { value: nothing, configurable: true, writable: true })
}
