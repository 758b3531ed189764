// The reference PDS and an in-memory PLC directory on loopback. Prints one JSON line when ready: url, plcUrl, accounts
// (handle, did, password, appPassword), jwtSecret, adminPassword, dataDir, pid. Ends on SIGTERM or with its parent.
//
// Environment, all optional: PDS_PORT, PLC_PORT; PLC_URL (another PDS's directory, in place of one of its own); DATA_DIR
// (kept, so that a second start goes on with the same accounts; without it a temporary folder); JWT_SECRET;
// RATE_LIMITS=1; BLOB_LIMIT in bytes; INVITES=1; DID_DOC=1 (sessions carry the DID document, as bsky.social's do);
// ACCOUNTS as "alice.test,bob.test"; APPVIEW_URL and APPVIEW_DID.
import './loopback.mjs'
import crypto from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import plc from '@did-plc/server'
import { PDS } from '@atproto/pds'
import { announce, endWithParent, flag, portFrom, presetAccounts } from './common.mjs'

// To hash a password takes 50 ms on purpose, and tests make and check thousands of them.
const scrypt = crypto.scrypt
crypto.scrypt = (password, salt, length, ...rest) => scrypt(password, salt, length, { N: 2 }, rest.at(-1))

const fast = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir()
const dataDir = process.env.DATA_DIR || fs.mkdtempSync(path.join(fast, 'skywrite-pds-'))
const temporary = !process.env.DATA_DIR
fs.mkdirSync(dataDir, { recursive: true })

const secret = () => crypto.randomBytes(32).toString('hex')

// The keys outlive a restart: the PDS must still be able to sign for the accounts in its data.
const keptSecrets = () => {
  const file = path.join(dataDir, 'secrets.json')
  if (!fs.existsSync(file)) {
    const made = { jwt: process.env.JWT_SECRET || secret(), dpop: secret(), rotation: secret() }
    fs.writeFileSync(file, JSON.stringify(made), { mode: 0o600 })
  }
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

// The directory is in memory; its operations are written down and taken in again, so that DIDs outlive a restart too.
const keptDirectory = async () => {
  const file = path.join(dataDir, 'plc.jsonl')
  const directory = plc.Database.mock()
  const lines = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
  for (const { did, operation } of lines.map((line) => JSON.parse(line))) {
    await directory.validateAndAddOp(did, operation)
  }
  const add = directory.validateAndAddOp.bind(directory)
  directory.validateAndAddOp = async (did, operation) => {
    await add(did, operation)
    fs.appendFileSync(file, `${JSON.stringify({ did, operation })}\n`)
  }
  return directory
}

// A web without TLS: what the PDS fetches from https://HOST/PATH are the files of DATA_DIR/web/HOST/PATH, where there is
// such a folder. So tests can host the metadata of OAuth clients.
const webFolder = path.join(dataDir, 'web')
const realFetch = globalThis.fetch
globalThis.fetch = function (input, init) {
  const url = new URL(input instanceof Request ? input.url : input)
  const site = path.join(webFolder, url.hostname)
  if (url.protocol !== 'https:' || !fs.existsSync(site)) return realFetch.call(this, input, init)
  const file = path.join(site, path.normalize(url.pathname))
  if (!fs.existsSync(file)) return Promise.resolve(new Response('none', { status: 404 }))
  const headers = { 'content-type': file.endsWith('.json') ? 'application/json' : 'text/html' }
  return Promise.resolve(new Response(fs.readFileSync(file), { headers }))
}

const secrets = keptSecrets()
const adminPassword = 'admin-password'
const port = await portFrom('PDS_PORT')
const plcPort = await portFrom('PLC_PORT')
const url = `http://localhost:${port}`
const plcUrl = process.env.PLC_URL || `http://localhost:${plcPort}`

const directory = process.env.PLC_URL
  ? null
  : plc.PlcServer.create({ db: await keptDirectory(), port: plcPort, version: 'test' })
await directory?.start()

const pds = await PDS.fromEnv({
  devMode: true,
  port,
  hostname: 'localhost',
  dataDirectory: dataDir,
  blobstoreDiskLocation: path.join(dataDir, 'blobs'),
  blobstoreDiskTmpLocation: path.join(dataDir, 'blobs-incoming'),
  blobUploadLimit: Number(process.env.BLOB_LIMIT) || undefined,
  didPlcUrl: plcUrl,
  serviceHandleDomains: ['.test'],
  jwtSecret: secrets.jwt,
  dpopSecret: secrets.dpop,
  plcRotationKeyK256PrivateKeyHex: secrets.rotation,
  adminPassword,
  enableDidDocWithSession: flag('DID_DOC'),
  inviteRequired: flag('INVITES'),
  rateLimitsEnabled: flag('RATE_LIMITS'),
  disableSsrfProtection: true,
  bskyAppViewUrl: process.env.APPVIEW_URL || 'http://localhost:1',
  bskyAppViewDid: process.env.APPVIEW_DID || 'did:web:localhost',
})
await pds.start()

endWithParent(async () => {
  try {
    await pds.destroy()
    await directory?.destroy()
  } finally {
    if (temporary) fs.rmSync(dataDir, { recursive: true, force: true })
  }
})

const handles = (process.env.ACCOUNTS ?? 'alice.test,bob.test').split(',').filter(Boolean)
const accounts = await presetAccounts(url, handles, adminPassword, flag('INVITES'))
announce({ url, plcUrl, accounts, jwtSecret: secrets.jwt, adminPassword, dataDir })
