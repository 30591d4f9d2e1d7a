/** `crc-32` has types for its main file only; this is the part of `crc32c.js` that is used here. */
declare module 'crc-32/crc32c.js' {
  const crc32c: {
    /** Signed CRC-32C of `bytes`, continuing from `seed`. */
    buf(bytes: Uint8Array, seed?: number): number
  }
  export default crc32c
}
