// Preload: the reference servers call listen(port) and would answer on every interface. Imported first, this file
// keeps each listening TCP socket of the process on 127.0.0.1.
import net from 'node:net'

const LOOPBACK = '127.0.0.1'
const listen = net.Server.prototype.listen

net.Server.prototype.listen = function (...args) {
  const [first, ...rest] = args
  if (first !== null && typeof first === 'object') {
    return listen.call(this, 'port' in first ? { ...first, host: LOOPBACK } : first, ...rest)
  }
  if (typeof first === 'string' && !/^\d+$/.test(first)) return listen.apply(this, args) // a Unix socket's path
  const port = first === undefined || typeof first === 'function' ? 0 : Number(first)
  const backlog = rest.find((value) => typeof value === 'number')
  const ready = args.find((value) => typeof value === 'function')
  return listen.call(this, { port, backlog, host: LOOPBACK }, ready)
}
