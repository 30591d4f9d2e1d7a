import { assert, unreachable } from '../../src/base/assert.ts'
import type { DiskOp, NodeId, Place } from './disk-op.ts'
import { Sectors, sectorSize } from './sectors.ts'

/** A change that a power cut may undo: one sector, or the size, of a file. */
export type PendingChange =
  | { readonly seq: number; readonly sector: number; readonly bytes: Buffer }
  | { readonly seq: number; readonly size: number }

/** Names that change in one step; null takes a name away. A power cut may undo the step. */
export interface NameChange {
  readonly seq: number
  readonly slots: readonly (Place & { readonly node: NodeId | null })[]
}

/** Decides what of the changes that no sync has covered is on the disk after a power cut. */
export interface PowerLoss {
  /** Those that are, in the order in which they were made. */
  names(changes: readonly NameChange[]): readonly NameChange[]
  content(durable: Sectors, pending: readonly PendingChange[]): Sectors
}

export interface FileNode {
  readonly kind: 'file'
  readonly id: NodeId
  /** What a program sees. */
  live: Sectors
  /** What surely is on the disk. */
  durable: Sectors
  /** What was done since and no sync has covered, oldest first. */
  pending: PendingChange[]
}

export interface DirectoryNode {
  readonly kind: 'directory'
  readonly id: NodeId
  live: Map<string, NodeId>
  durable: Map<string, NodeId>
}

export type DiskNode = FileNode | DirectoryNode

const rootId: NodeId = 0

/**
 * A disk behind a page cache. Bytes are safe once a sync of their file has ended, names once a sync
 * of their folder has; a power cut may take anything else, whole or in sectors. It does nothing by
 * itself: whoever gives it the same list of `DiskOp`s gets the same disk.
 */
export class SimDisk {
  #nodes = new Map<NodeId, DiskNode>([[rootId, newDirectory(rootId)]])
  /** Changes of names that no sync of a folder has covered, oldest first. */
  #names: NameChange[] = []
  #syncMarks = new Map<number, number>()
  #nextId = rootId + 1
  #seq = 0

  get root(): DirectoryNode {
    return this.directory(rootId)
  }

  /** How many changes there were; the age of a pending one is counted by it. */
  get seq(): number {
    return this.#seq
  }

  node(id: NodeId): DiskNode {
    const node = this.#nodes.get(id)
    assert(node !== undefined, 'what is opened or named is on the disk')
    return node
  }

  file(id: NodeId): FileNode {
    const node = this.node(id)
    assert(node.kind === 'file', 'the node is a file')
    return node
  }

  directory(id: NodeId): DirectoryNode {
    const node = this.node(id)
    assert(node.kind === 'directory', 'the node is a folder')
    return node
  }

  /** The age of the oldest change that a power cut may undo; `seq` when there is none. */
  get oldestPendingSeq(): number {
    let oldest = this.#names[0]?.seq ?? this.#seq
    for (const node of this.#nodes.values()) {
      if (node.kind === 'file') oldest = Math.min(oldest, node.pending[0]?.seq ?? oldest)
    }
    return oldest
  }

  apply(op: DiskOp): void {
    switch (op.type) {
      case 'create':
        return this.#create(op.place, op.kind)
      case 'rename': {
        const node = this.directory(op.from.directory).live.get(op.from.name)
        assert(node !== undefined, 'what is renamed is there')
        return this.#rename([
          { ...op.from, node: null },
          { ...op.to, node }
        ])
      }
      case 'unlink':
        return this.#rename([{ ...op.place, node: null }])
      case 'write':
        return this.#write(this.file(op.node), op.position, op.bytes)
      case 'resize': {
        const file = this.file(op.node)
        file.live.resize(op.size)
        file.pending.push({ seq: ++this.#seq, size: op.size })
        return
      }
      case 'syncBegin':
        this.#syncMarks.set(op.sync, this.#seq)
        return
      case 'syncEnd':
        return this.#syncEnded(op.node, op.sync)
      case 'syncFail':
        return this.#syncFailed(this.file(op.node), op.sync)
      default:
        unreachable(op)
    }
  }

  /**
   * The disk after the process has died: the page cache lives on, and with it what was not synced.
   */
  copy(): SimDisk {
    const copy = new SimDisk()
    copy.#nodes = new Map()
    for (const [id, node] of this.#nodes) copy.#nodes.set(id, copyOf(node))
    copy.#names = this.#names.slice()
    copy.#nextId = this.#nextId
    copy.#seq = this.#seq
    return copy
  }

  /** The disk after the power was cut: what was not synced is there as far as `loss` says. */
  afterPowerCut(loss: PowerLoss): SimDisk {
    const after = new SimDisk()
    const names = new Map<NodeId, Map<string, NodeId>>()
    for (const node of this.#nodes.values()) {
      if (node.kind === 'directory') names.set(node.id, new Map(node.durable))
    }
    for (const { slots } of loss.names(this.#names)) {
      for (const { directory, name, node } of slots) {
        if (node === null) names.get(directory)!.delete(name)
        else names.get(directory)!.set(name, node)
      }
    }
    const keep = (id: NodeId): void => {
      const node = this.node(id)
      if (node.kind === 'file') {
        const content = loss.content(node.durable, node.pending)
        content.trim()
        after.#nodes.set(id, { ...node, live: content, durable: content.copy(), pending: [] })
        return
      }
      const held = names.get(id)!
      after.#nodes.set(id, { ...node, live: held, durable: new Map(held) })
      for (const child of held.values()) keep(child)
    }
    keep(rootId)
    after.#nextId = this.#nextId
    after.#seq = this.#seq
    return after
  }

  #create(place: Place, kind: DiskNode['kind']): void {
    const id = this.#nextId++
    this.#nodes.set(id, kind === 'directory' ? newDirectory(id) : newFile(id))
    this.#rename([{ ...place, node: id }])
  }

  #rename(slots: NameChange['slots']): void {
    for (const { directory, name, node } of slots) {
      const { live } = this.directory(directory)
      if (node === null) live.delete(name)
      else live.set(name, node)
    }
    this.#names.push({ seq: ++this.#seq, slots })
  }

  #write(file: FileNode, position: number, bytes: Buffer): void {
    for (let done = 0; done < bytes.length;) {
      const within = (position + done) % sectorSize
      const piece = bytes.subarray(done, done + sectorSize - within)
      const sector = (position + done - within) / sectorSize
      const patched = file.live.patch(sector, within, piece)
      file.pending.push({ seq: ++this.#seq, sector, bytes: patched })
      done += piece.length
      if (position + done <= file.live.size) continue
      file.live.reach(position + done)
      file.pending.push({ seq: ++this.#seq, size: position + done })
    }
  }

  #syncEnded(id: NodeId, sync: number): void {
    const mark = this.#takeMark(sync)
    const node = this.node(id)
    if (node.kind === 'file') {
      const covered = node.pending.findIndex(change => change.seq > mark)
      const done = node.pending.splice(0, covered === -1 ? node.pending.length : covered)
      for (const change of done) applyChange(node.durable, change)
      return
    }
    const isCovered = ({ seq, slots }: NameChange): boolean =>
      seq <= mark && slots.some(slot => slot.directory === id)
    for (const { slots } of this.#names.filter(isCovered)) {
      for (const slot of slots) {
        const { durable } = this.directory(slot.directory)
        if (slot.node === null) durable.delete(slot.name)
        else durable.set(slot.name, slot.node)
      }
    }
    this.#names = this.#names.filter(change => !isCovered(change))
  }

  /** The bytes stay in the page cache and will never be written; the size may still get there. */
  #syncFailed(file: FileNode, sync: number): void {
    const mark = this.#takeMark(sync)
    file.pending = file.pending.filter(change => change.seq > mark || 'size' in change)
  }

  #takeMark(sync: number): number {
    const mark = this.#syncMarks.get(sync)
    assert(mark !== undefined, 'a sync ends once')
    this.#syncMarks.delete(sync)
    return mark
  }
}

/** Does to the content what a change says. */
export function applyChange(content: Sectors, change: PendingChange): void {
  if ('size' in change) content.resize(change.size)
  else content.put(change.sector, change.bytes)
}

function newDirectory(id: NodeId): DirectoryNode {
  return { kind: 'directory', id, live: new Map(), durable: new Map() }
}

function newFile(id: NodeId): FileNode {
  return { kind: 'file', id, live: new Sectors(), durable: new Sectors(), pending: [] }
}

function copyOf(node: DiskNode): DiskNode {
  if (node.kind === 'directory') {
    return { ...node, live: new Map(node.live), durable: new Map(node.durable) }
  }
  const { live, durable, pending } = node
  return { ...node, live: live.copy(), durable: durable.copy(), pending: pending.slice() }
}
