// A second authorization server (oidc-provider) that speaks AT Protocol's profile of OAuth, with a data server in front of
// nothing: `getSession` says whether an access token is good. It prints one JSON line when ready, and ends with its parent.
//
// Environment: DID, HANDLE; CLIENTS, a JSON list of client metadata; SCOPES, what may be granted, separated by blanks.
// Everybody who comes is signed in as that account, and accepts.
import http from 'node:http'
import crypto from 'node:crypto'
import Provider from 'oidc-provider'
import { announce, endWithParent } from '../common.mjs'

const { DID: did, HANDLE: handle } = process.env
const server = http.createServer()
await new Promise((resolve) => server.listen(0, 'localhost', resolve))
const issuer = `http://localhost:${server.address().port}`

const provider = new Provider(issuer, {
  clients: JSON.parse(process.env.CLIENTS),
  scopes: ['atproto', ...process.env.SCOPES.split(' ')],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  jwks: { keys: [crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })] },
  cookies: { keys: ['test'] },
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: crypto.randomBytes(32), requireNonce: () => true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    revocation: { enabled: true },
  },
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  ttl: { AccessToken: 3600, RefreshToken: 14 * 86400, Grant: 14 * 86400, Interaction: 600, Session: 600 },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope(ctx.oidc.params.scope)
    await grant.save()
    return grant
  },
})

// AT Protocol's token answers name the account.
provider.use(async (ctx, next) => {
  await next()
  if (ctx.oidc?.route === 'token' && ctx.body?.access_token) ctx.body.sub = did
})

const json = (res, status, body, headers = {}) => {
  res.writeHead(status, { 'content-type': 'application/json', ...headers })
  res.end(JSON.stringify(body))
}

const bearer = async (req) => {
  const token = (req.headers.authorization || '').replace(/^DPoP /, '')
  const found = token && req.headers.dpop ? await provider.AccessToken.find(token) : undefined
  return found && !found.isExpired ? found : undefined
}

const routes = {
  '/.well-known/oauth-protected-resource': (req, res) =>
    json(res, 200, { resource: issuer, authorization_servers: [issuer] }),
  '/xrpc/com.atproto.identity.resolveHandle': (req, res) => json(res, 200, { did }),
  '/xrpc/com.atproto.server.getSession': async (req, res) => {
    if (await bearer(req)) return json(res, 200, { did, handle })
    json(res, 401, { error: 'invalid_token', message: 'No such token' }, { 'www-authenticate': 'DPoP error="invalid_token"' })
  },
}

const callback = provider.callback()
server.on('request', async (req, res) => {
  const path = new URL(req.url, issuer).pathname
  if (routes[path]) return routes[path](req, res)
  if (path.startsWith('/interaction/')) return provider.interactionFinished(req, res, { login: { accountId: did }, consent: {} })
  callback(req, res)
})

endWithParent(async () => server.close())
announce({ url: issuer })
