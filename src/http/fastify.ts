import { type FastifyInstance, type FastifyServerOptions, fastify } from 'fastify'

export type ServerParts = Pick<FastifyServerOptions, 'serverFactory' | 'clientErrorHandler' | 'forceCloseConnections'>

/** A fastify app as all of ours are: no logs of its own, no schemas, each accepted call answered. */
export function createFastify(parts: ServerParts): FastifyInstance {
  return fastify({
    ...parts,
    logger: false, // one line per decision instead of two per request
    return503OnClosing: false, // the API server doesn't repeat a call that it got 503 for
    // Bodies must stay as they came and answers are text already: without these two, fastify loads ajv and
    // fast-json-stringify, 200 files that take a tenth of the start and of the memory.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
  })
}

function noSchemas(): never {
  throw new Error('the routes here have no schemas')
}
