/**
 * The bytes are not Kafka: truncated, an impossible length, an unknown header. Thrown only while
 * bytes are read; the connection that sent them is closed. Nothing else is ever thrown because of
 * what a client sent.
 */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest'
}
