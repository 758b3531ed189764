// Prints the names and fields of all lexicons that the reference PDS brings, as one JSON document, a lexicon a line.
// Usage: node models.mjs PDS_PACKAGE_DIRECTORY > ../../src/skywrite/sdk/lexicons.json
//
// {NSID: {"@": "query", "Params": fields, "Response": fields}, NSID: {"@": "record", "main": fields, DEF: fields}}
// A field is "" for a plain value, "*" for an object that names its own type, an NSID with "#" and a definition for an
// object of that type, "[]" and any of these for a list; "!" follows if it has to be there. A definition that is no
// object, or the body of a method that is a definition, is written as such a field.
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const lexicons = await import(pathToFileURL(path.resolve(process.argv[2], 'dist/lexicons/index.js')))
const KINDS = { Query: 'query', Procedure: 'procedure', RecordSchema: 'record', Subscription: 'subscription' }

function field(schema) {
  const kind = schema.constructor.name
  if (kind === 'TypedObjectSchema' || kind === 'RecordSchema') {
    return schema.$type.includes('#') ? schema.$type : `${schema.$type}#main`
  }
  if (kind === 'RefSchema') return field(schema.validator)
  if (kind === 'OptionalSchema' || kind === 'WithDefaultSchema' || kind === 'NullableSchema') return field(schema.validator)
  if (kind === 'ArraySchema') return `[]${field(schema.validator)}`
  return /Union|Unknown|Lex|Object|Blob/.test(kind) ? '*' : ''
}

function fields(schema) {
  return Object.fromEntries(
    Object.entries(schema.shape).map(([name, value]) => [
      name,
      field(value) + (value.constructor.name === 'OptionalSchema' ? '' : '!'),
    ]),
  )
}

function body(schema) {
  return schema.constructor.name === 'ObjectSchema' ? fields(schema) : field(schema)
}

function definition(schema) {
  const kind = schema.constructor.name
  if (kind === 'TypedObjectSchema' || kind === 'RecordSchema') return fields(schema.schema)
  return /^(String|Enum|Token|Array|TypedUnion|Ref)Schema$/.test(kind) ? field(schema) : undefined
}

const found = {}
const seen = new Set()
function walk(module) {
  if (!module || typeof module !== 'object' || seen.has(module)) return
  seen.add(module)
  const nsid = module.$nsid
  for (const [name, value] of Object.entries(module)) {
    const kind = value?.constructor?.name
    if (!kind) walk(value)
    else if (nsid && !name.startsWith('$') && name !== 'default' && typeof value === 'object') {
      const lexicon = (found[nsid] ??= {})
      const known = definition(value)
      if (kind in KINDS) lexicon['@'] = KINDS[kind]
      if (known !== undefined) lexicon[name] = known
      if (kind === 'Query' || kind === 'Procedure') {
        if (Object.keys(value.parameters.shape).length) lexicon.Params = fields(value.parameters)
        if (value.input?.encoding && value.input.encoding !== 'application/json') lexicon['@in'] = value.input.encoding
        if (value.output?.encoding && value.output.encoding !== 'application/json') lexicon['@out'] = value.output.encoding
        if (value.input?.schema) lexicon.Data = body(value.input.schema)
        if (value.output?.schema) lexicon.Response = body(value.output.schema)
      }
    }
  }
}
walk(lexicons)

const lines = Object.keys(found)
  .sort()
  .map((nsid) => `${JSON.stringify(nsid)}:${JSON.stringify(found[nsid]).replaceAll(`"${nsid}#`, '"#').replaceAll(`]${nsid}#`, ']#')}`)
console.log(`{\n${lines.join(',\n')}\n}`)
