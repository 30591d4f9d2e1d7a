import { assert } from './base/assert.ts'
import { KiB, MiB } from './base/sizes.ts'

// Every bound of the broker, with its unit and its reason. Nothing else in the tree names a number that limits
// a client, a file or a queue. How the bounds relate is asserted at the end.

/** Largest request frame, bytes. Kafka: socket.request.max.bytes. */
export const requestSizeMax = 100 * MiB
/** Bytes of requests held by all connections; reading stops above it. Kafka: queued.max.request.bytes. */
export const requestsTotalSizeMax = 256 * MiB
/** Most elements (array entries and known tagged fields) that one request may decode to. */
export const decodedElementsMax = 250_000
/** Smallest piece that the response writer passes on without copying, bytes: below it a copy is cheaper than a piece. */
export const writerChunkSizeMin = 4 * KiB
/** Most tagged fields of one structure; KIP-482 sets no bound, Kafka has not got past five. */
export const taggedFieldsMax = 64
/** Most tagged fields of a request header: it is read before anybody has proved who they are. */
export const headerTaggedFieldsMax = 16
/** Largest tagged field, bytes. */
export const taggedFieldSizeMax = 128 * KiB
/** Largest string, bytes: what an int16 length can say, and compact strings may say no more. */
export const stringSizeMax = 32_767

assert(requestsTotalSizeMax >= requestSizeMax, 'one request of the largest size must be able to enter')
