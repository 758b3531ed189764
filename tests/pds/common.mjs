// What both server scripts share: free ports, preset accounts, and an end that comes with the parent's.
import net from 'node:net'

export const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

export const portFrom = async (name) => Number(process.env[name]) || (await freePort())

export const flag = (name) => process.env[name] === '1'

const call = async (url, nsid, body, headers) => {
  const answer = await fetch(`${url}/xrpc/${nsid}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${nsid} answered ${answer.status}: ${await answer.text()}`)
  return answer.json()
}

// Handles that are there already (a server started again on its data) are left alone and not listed.
export const presetAccounts = async (url, handles, adminPassword, invites) => {
  const admin = { authorization: `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}` }
  const accounts = []
  for (const handle of handles) {
    const taken = await fetch(`${url}/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`)
    if (taken.ok) continue
    const name = handle.split('.')[0]
    const password = `${name}-password`
    const invite = invites ? await call(url, 'com.atproto.server.createInviteCode', { useCount: 1 }, admin) : {}
    const account = { handle, email: `${name}@example.com`, password, inviteCode: invite.code }
    const session = await call(url, 'com.atproto.server.createAccount', account)
    const bearer = { authorization: `Bearer ${session.accessJwt}` }
    const made = await call(url, 'com.atproto.server.createAppPassword', { name: 'test' }, bearer)
    accounts.push({ handle, did: session.did, password, appPassword: made.password })
  }
  return accounts
}

export const announce = (facts) => process.stdout.write(`${JSON.stringify({ ...facts, pid: process.pid })}\n`)

export const endWithParent = (close) => {
  const parent = process.ppid
  let closing = false
  const end = async () => {
    if (closing) return
    closing = true
    setTimeout(() => process.exit(1), 5000).unref() // a kept-alive connection must not keep the server
    await close().catch((error) => console.error(error))
    process.exit(0)
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  setInterval(() => process.ppid === parent || end(), 1000).unref()
}
