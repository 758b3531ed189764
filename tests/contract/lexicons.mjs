// Prints the lexicons that the sandbox knows, read from the reference PDS's own schemas, as one JSON document.
// Usage: node lexicons.mjs PDS_PACKAGE_DIRECTORY > ../../src/skywrite/sandbox/lexicons.json
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const METHODS = `
  com.atproto.server.describeServer com.atproto.server.createSession com.atproto.server.refreshSession
  com.atproto.server.getSession com.atproto.server.deleteSession com.atproto.server.createAppPassword
  com.atproto.server.listAppPasswords com.atproto.server.revokeAppPassword com.atproto.server.createAccount
  com.atproto.server.getServiceAuth com.atproto.identity.resolveHandle com.atproto.repo.createRecord
  com.atproto.repo.putRecord com.atproto.repo.deleteRecord com.atproto.repo.getRecord com.atproto.repo.listRecords
  com.atproto.repo.applyWrites com.atproto.repo.uploadBlob com.atproto.repo.describeRepo com.atproto.sync.getBlob
  com.atproto.sync.getLatestCommit app.bsky.feed.getPosts app.bsky.feed.getPostThread app.bsky.feed.getTimeline
  app.bsky.feed.getAuthorFeed app.bsky.feed.getFeedGenerator app.bsky.actor.getProfile app.bsky.actor.getProfiles
  app.bsky.graph.getStarterPack app.bsky.graph.getList app.bsky.draft.createDraft app.bsky.draft.getDrafts
  app.bsky.draft.updateDraft app.bsky.draft.deleteDraft app.bsky.notification.listNotifications
  app.bsky.notification.updateSeen app.bsky.notification.getUnreadCount app.bsky.graph.muteActor
  app.bsky.graph.unmuteActor app.bsky.feed.searchPosts app.bsky.actor.searchActors app.bsky.actor.searchActorsTypeahead app.bsky.graph.getFollows
  app.bsky.graph.getFollowers app.bsky.feed.getLikes app.bsky.feed.getRepostedBy
`.trim().split(/\s+/)
const RECORDS = /^(app\.bsky\.|chat\.bsky\.|site\.standard\.)/

const lexicons = await import(pathToFileURL(path.resolve(process.argv[2], 'dist/lexicons/index.js')))
const defs = {}

function compact(schema) {
  switch (schema.constructor.name) {
    case 'ObjectSchema': {
      const properties = {}
      const required = []
      for (const [name, value] of Object.entries(schema.shape)) {
        const optional = value.constructor.name === 'OptionalSchema'
        if (!optional) required.push(name)
        properties[name] = compact(optional ? value.validator : value)
      }
      return { type: 'object', required, properties }
    }
    case 'ParamsSchema':
      return { ...compact(Object.assign(Object.create({ constructor: { name: 'ObjectSchema' } }), { shape: schema.shape })), type: 'params' }
    case 'TypedObjectSchema':
    case 'RecordSchema':
      if (!(schema.$type in defs)) {
        defs[schema.$type] = null
        defs[schema.$type] = compact(schema.schema)
      }
      return { type: 'ref', ref: schema.$type }
    case 'RefSchema':
    case 'TypedRefSchema':
      return compact(schema.validator)
    case 'TypedUnionSchema':
      return { type: 'union', refs: schema.validators.map((ref) => compact(ref.validator).ref), closed: schema.closed }
    case 'ArraySchema':
      return { type: 'array', ...schema.options, items: compact(schema.validator) }
    case 'StringSchema': {
      const { knownValues, ...limits } = schema.options ?? {}
      return { type: 'string', ...limits }
    }
    case 'IntegerSchema':
      return { type: 'integer', ...schema.options }
    case 'BlobSchema':
      return { type: 'blob', ...schema.options }
    case 'BytesSchema':
      return { type: 'bytes', ...schema.options }
    case 'BooleanSchema':
      return { type: 'boolean' }
    case 'CidSchema':
      return { type: 'cid-link' }
    case 'UnknownSchema':
    case 'LexMapSchema':
    case 'LexValueSchema':
      return { type: schema.type }
    case 'EnumSchema':
      return { type: 'string', enum: schema.values }
    case 'LiteralSchema':
      return { type: 'literal', const: schema.value }
    case 'NullableSchema':
      return { type: 'nullable', of: compact(schema.validator) }
    case 'OptionalSchema':
      return compact(schema.validator)
    case 'WithDefaultSchema':
      return { ...compact(schema.validator), default: schema.defaultValue }
    default:
      throw new Error(`unhandled schema ${schema.constructor.name}`)
  }
}

function find(nsid) {
  return nsid.split('.').reduce((at, name) => at?.[name], lexicons)
}

const records = {}
const seen = new Set()
function walk(module) {
  if (!module || typeof module !== 'object' || seen.has(module)) return
  seen.add(module)
  for (const value of Object.values(module)) {
    if (value?.constructor?.name === 'RecordSchema') {
      if (RECORDS.test(value.$type)) records[value.$type] = { key: value.key, schema: compact(value.schema) }
    } else if (!value?.constructor) walk(value)
  }
}
walk(lexicons)

const methods = {}
for (const nsid of METHODS) {
  const main = find(nsid)?.main
  if (!main) throw new Error(`no lexicon ${nsid}`)
  methods[nsid] = { type: main.type, params: compact(main.parameters) }
  if (main.input?.encoding) methods[nsid].encoding = main.input.encoding
  if (main.input?.schema) methods[nsid].input = compact(main.input.schema)
}

const sorted = (map) => Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)))
const lines = (map) => Object.entries(sorted(map)).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',\n')
console.log(`{"records":{\n${lines(records)}\n},\n"defs":{\n${lines(defs)}\n},\n"methods":{\n${lines(methods)}\n}}`)
