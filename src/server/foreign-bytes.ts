/**
 * Guesses what somebody sent who does not speak Kafka, from the first bytes of the connection.
 *
 * @returns a sentence for the log, or null when the bytes say nothing
 */
export function describeForeignBytes(bytes: Buffer): string | null {
  const text = bytes.toString('latin1')
  if (/^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PRI) /.test(text))
    return 'this is HTTP: a browser, a health check or a proxy; the port speaks the Kafka protocol'
  if (bytes[0] === 0x16 && bytes[1] === 0x03)
    return 'this is a TLS handshake: the client has TLS on, the listener has not'
  if (text.startsWith('SSH-')) return 'this is SSH'
  if (text.startsWith('PROXY ') || text.startsWith('\r\n\r\n\0\r\nQUIT\n'))
    return 'this is a PROXY protocol header: turn it off in the load balancer'
  if (/^[\x20-\x7e\r\n\t]+$/.test(text)) return 'this is text'
  return null
}
