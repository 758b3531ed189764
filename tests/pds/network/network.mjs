// The whole reference network on loopback: PLC, PDS, bsync, AppView, Ozone. Prints one JSON line when ready: as pds.mjs
// does, and appviewUrl, and settleUrl: a GET there answers when the AppView has taken in all that the PDS holds.
//
// Environment: DB_POSTGRES_URL and REDIS_HOST (host:port), both needed and expected empty; RATE_LIMITS=1; ACCOUNTS.
import '../loopback.mjs'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { announce, endWithParent, flag, presetAccounts } from '../common.mjs'

// The servers put their data into the temporary folder and leave it there: they get one of their own.
const dataDir = fs.mkdtempSync(path.join(fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'skywrite-network-'))
process.env.TMPDIR = dataDir
process.on('exit', () => fs.rmSync(dataDir, { recursive: true, force: true }))

const { TestNetwork } = await import('@atproto/dev-env')
const network = await TestNetwork.create({
  dbPostgresSchema: 'network',
  pds: { rateLimitsEnabled: flag('RATE_LIMITS') },
})

const settle = http.createServer(async (request, response) => {
  try {
    await network.processAll(60_000)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})
await new Promise((resolve) => settle.listen(0, '127.0.0.1', resolve))

endWithParent(async () => {
  settle.close()
  await network.close()
})

const handles = (process.env.ACCOUNTS ?? 'alice.test,bob.test').split(',').filter(Boolean)
const accounts = await presetAccounts(network.pds.url, handles, '', false)
await network.processAll(60_000)
announce({
  url: network.pds.url,
  plcUrl: network.plc.url,
  appviewUrl: network.bsky.url,
  settleUrl: `http://localhost:${settle.address().port}`,
  accounts,
  jwtSecret: 'jwt-secret',
  adminPassword: 'admin-pass',
  dataDir,
})
