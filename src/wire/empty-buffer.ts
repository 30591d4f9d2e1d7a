/** What byte fields that are absent read as. */
export const emptyBuffer = Buffer.alloc(0)
