// The whole reference network on loopback: PLC, two PDS, bsync, AppView, Ozone. Prints one JSON line when ready: as
// pds.mjs does, and otherUrl (the second PDS), appviewUrl, and settleUrl: a GET there answers when the AppView has taken
// in all that the two PDS hold.
//
// Environment: DB_POSTGRES_URL and REDIS_HOST (host:port), both needed and expected empty; RATE_LIMITS=1; ACCOUNTS.
import '../loopback.mjs'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { announce, endWithParent, flag, freePort, presetAccounts } from '../common.mjs'

const PATIENCE_MS = 60_000

// The servers put their data into the temporary folder and leave it there: they get one of their own.
const dataDir = fs.mkdtempSync(path.join(fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'skywrite-network-'))
process.env.TMPDIR = dataDir
process.on('exit', () => fs.rmSync(dataDir, { recursive: true, force: true }))

const { TestNetwork, TestPds } = await import('@atproto/dev-env')
const { RepoSubscription } = await import('@atproto/bsky')
const rateLimitsEnabled = flag('RATE_LIMITS')
const network = await TestNetwork.create({ dbPostgresSchema: 'network', pds: { rateLimitsEnabled } })
const { bsky, plc } = network

// What the network's makers call TestNetwork has one PDS. The second one is as the first, and the AppView reads it, too.
const other = await TestPds.create({
  port: await freePort(),
  didPlcUrl: plc.url,
  bskyAppViewUrl: bsky.url,
  bskyAppViewDid: bsky.ctx.cfg.serverDid,
  rateLimitsEnabled,
})
for (const { did, handle } of [network.pds.ctx, other.ctx, bsky.ctx, bsky.dataplane].map((one) => one.idResolver)) {
  const [resolveDid, resolveHandle] = [did.resolveNoCache.bind(did), handle.resolve.bind(handle)]
  did.resolveNoCache = async (name) => {
    const found = await resolveDid(name)
    for (const service of found?.service ?? []) {
      if (service.serviceEndpoint === other.ctx.cfg.service.publicUrl) service.serviceEndpoint = other.url
    }
    return found
  }
  handle.resolve = async (name) => (await wellKnown(other.url, name)) ?? resolveHandle(name)
}
const wellKnown = (url, name) =>
  new Promise((resolve) => {
    http
      .get(`${url}/.well-known/atproto-did`, { headers: { host: name } }, async (answer) => {
        const text = (await answer.toArray()).join('')
        resolve(answer.statusCode === 200 ? text : undefined)
      })
      .on('error', () => resolve(undefined))
  })
const reading = new RepoSubscription({
  service: `ws://localhost:${other.port}`,
  db: bsky.db,
  idResolver: bsky.dataplane.idResolver,
})
void reading.start()

const settleOther = async () => {
  const ends = Date.now() + PATIENCE_MS
  const last = await other.ctx.sequencer.curr()
  do {
    await other.processAll()
    await reading.processAll()
    if (!last || (reading.getCursor() ?? 0) >= last) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  } while (Date.now() < ends)
  throw new Error('the AppView did not take in what the second PDS holds')
}

const settle = http.createServer(async (request, response) => {
  try {
    await network.processAll(PATIENCE_MS)
    await settleOther()
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})
await new Promise((resolve) => settle.listen(0, '127.0.0.1', resolve))

endWithParent(async () => {
  settle.close()
  await reading.destroy()
  await other.close()
  await network.close()
})

const handles = (process.env.ACCOUNTS ?? 'alice.test,bob.test').split(',').filter(Boolean)
const accounts = await presetAccounts(network.pds.url, handles, '', false)
await network.processAll(PATIENCE_MS)
announce({
  url: network.pds.url,
  otherUrl: other.url,
  plcUrl: plc.url,
  appviewUrl: bsky.url,
  settleUrl: `http://localhost:${settle.address().port}`,
  accounts,
  jwtSecret: 'jwt-secret',
  adminPassword: 'admin-pass',
  dataDir,
})
