/** What a disk writes whole or not at all, bytes. */
export const sectorSize = 512

const zeros = Buffer.alloc(sectorSize)

/** The bytes of a file in sectors. A sector is never changed in place, so copies share them. */
export class Sectors {
  #sectors: (Buffer | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  copy(): Sectors {
    const copy = new Sectors()
    copy.#sectors = this.#sectors.slice()
    copy.#size = this.#size
    return copy
  }

  at(index: number): Buffer {
    return this.#sectors[index] ?? zeros
  }

  /** Puts a whole sector; the size stays, so it may lie beyond the end. */
  put(index: number, sector: Buffer): void {
    this.#sectors[index] = sector
  }

  /** Cuts the file, or makes it larger; what was cut off never comes back. */
  resize(size: number): void {
    const isCut = size < this.#size
    this.#size = size
    if (isCut) this.trim()
  }

  /** Forgets what lies beyond the end. */
  trim(): void {
    const kept = Math.ceil(this.#size / sectorSize)
    this.#sectors.length = Math.min(this.#sectors.length, kept)
    const within = this.#size % sectorSize
    const last = this.#sectors[kept - 1]
    if (within === 0 || last === undefined) return
    const cut = Buffer.alloc(sectorSize)
    last.copy(cut, 0, 0, within)
    this.#sectors[kept - 1] = cut
  }

  /** Makes room up to `size`, if the file is smaller. */
  reach(size: number): void {
    if (size > this.#size) this.#size = size
  }

  /** Lays `bytes` over one sector, from `within` on. */
  patch(index: number, within: number, bytes: Uint8Array): Buffer {
    const sector = Buffer.from(this.at(index))
    sector.set(bytes, within)
    this.#sectors[index] = sector
    return sector
  }

  /** Fills `target` from `position` on; returns how much of it, which is less at the end. */
  read(target: Uint8Array, position: number): number {
    const size = Math.max(0, Math.min(target.length, this.#size - position))
    for (let done = 0; done < size;) {
      const from = position + done
      const within = from % sectorSize
      const piece = Math.min(sectorSize - within, size - done)
      const sector = this.at((from - within) / sectorSize)
      target.set(sector.subarray(within, within + piece), done)
      done += piece
    }
    return size
  }

  /** All bytes. */
  bytes(): Buffer {
    const bytes = Buffer.alloc(this.#size)
    this.read(bytes, 0)
    return bytes
  }
}
