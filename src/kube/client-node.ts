/**
 * The parts of @kubernetes/client-node that we use, from their own files: reading the entries of a kubeconfig, and the
 * ways to credentials. Its index, and its KubeConfig too, load the generated classes of the whole API: 1,100 files,
 * 0.5 s, 80 MiB, more than half of what P2 leaves the controller. The version is pinned exactly, as these are no entry points.
 */
export type { Authenticator } from '@kubernetes/client-node/dist/auth.js'
export {
  type Cluster,
  type Context,
  newClusters,
  newContexts,
  newUsers,
  type User,
} from '@kubernetes/client-node/dist/config_types.js'
export { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js'
export { FileAuth } from '@kubernetes/client-node/dist/file_auth.js'
