import { assert } from '../../src/base/assert.ts'
import {
  assertPosition,
  type DirectoryEntry,
  type DirectoryLock,
  type Files,
  type LockHolder,
  type OpenFile,
  type OpenMode
} from '../../src/io/files.ts'
import { namesOf, refusal, refuse, refuseMissing } from '../../src/io/refusals.ts'
import { DiskFaults, type DiskFault, type FaultyCall } from './disk-faults.ts'
import type { DiskOp, NodeId, Place } from './disk-op.ts'
import { Draws } from './draws.ts'
import type { DirectoryNode, DiskNode, SimDisk } from './sim-disk.ts'

export interface SimFilesOptions {
  /** Draws the order in which syncs end. */
  readonly seed: number
  readonly faults?: readonly DiskFault[]
  /** Bytes of all files, at most; a write beyond is cut short and refused (ENOSPC). */
  readonly sizeMax?: number
}

/**
 * The file system of one life of a program on a `SimDisk`: it does what it is told at once, and
 * notes every step in `ops`, from which the disk at any moment of that life can be made again.
 */
export class SimFiles implements Files {
  readonly disk: SimDisk
  readonly ops: DiskOp[] = []
  readonly faults: DiskFaults
  /** Bytes of all files, at most. It may be moved, as when somebody else takes or frees space. */
  sizeMax: number
  readonly #draws: Draws
  readonly #paths = new Map<NodeId, string>()
  readonly #locked = new Set<NodeId>()
  readonly #syncs: { readonly end: () => void }[] = []
  #syncCount = 0
  #isEnding = false
  #isStopped = false

  constructor(disk: SimDisk, options: SimFilesOptions) {
    this.disk = disk
    this.sizeMax = options.sizeMax ?? Infinity
    this.faults = new DiskFaults(options.faults ?? [], () => this.ops.length)
    this.#draws = new Draws(options.seed)
  }

  /** Nothing that is under way ends any more: the life of the program is over. */
  stop(): void {
    this.#isStopped = true
  }

  /** The path under which a node was last opened or made, for reports. */
  pathOf(node: NodeId): string {
    return node === this.disk.root.id ? '/' : (this.#paths.get(node) ?? `node ${node}`)
  }

  open(path: string, mode: OpenMode): OpenFile {
    this.#meet('open', 'open', path, mode !== 'read')
    const place = this.#place('open', path)
    let node = this.#at(place)
    if (node === undefined) {
      if (mode === 'read' || mode === 'readWrite') refuse('ENOENT', 'open', path)
      node = this.#create(place, 'file', path)
    } else if (mode === 'exclusive') refuse('EEXIST', 'open', path)
    if (node.kind === 'directory') refuse('EISDIR', 'open', path)
    this.#paths.set(node.id, path)
    return new SimFile(this, path, node.id, mode !== 'read')
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined
  }

  makeDirectory(path: string): void {
    let directory = this.disk.root
    const names = namesOf(path)
    for (const [index, name] of names.entries()) {
      const place = { directory: directory.id, name }
      let next = this.#at(place)
      if (next === undefined) {
        this.#meet('makeDirectory', 'make the folder', path)
        next = this.#create(place, 'directory', `/${names.slice(0, index + 1).join('/')}`)
      }
      if (next.kind === 'file')
        refuse(index === names.length - 1 ? 'EEXIST' : 'ENOTDIR', 'make the folder', path)
      directory = next
    }
  }

  list(path: string): readonly DirectoryEntry[] {
    this.#meet('list', 'list', path)
    const { live } = this.#directory('list', path)
    return [...live.keys()].sort().map(name => ({
      name,
      kind: this.disk.node(live.get(name)!).kind
    }))
  }

  rename(from: string, to: string): void {
    const verb = `rename to ${to}`
    this.#meet('rename', verb, from)
    const [source, target] = [this.#place(verb, from), this.#place(verb, to)]
    const node = this.#at(source) ?? refuse('ENOENT', verb, from)
    const replaced = this.#at(target)
    if (replaced === node) return
    if (node.kind === 'directory') {
      if (`${namesOf(to).join('/')}/`.startsWith(`${namesOf(from).join('/')}/`))
        refuse('EINVAL', verb, from)
      if (replaced?.kind === 'file') refuse('ENOTDIR', verb, from)
      if (replaced !== undefined && replaced.live.size > 0) refuse('ENOTEMPTY', verb, from)
    } else if (replaced?.kind === 'directory') refuse('EISDIR', verb, from)
    this.#paths.set(node.id, to)
    this.do({ type: 'rename', from: source, to: target })
  }

  remove(path: string): void {
    this.#meet('remove', 'remove', path)
    const place = this.#place('remove', path)
    const node = this.#at(place) ?? refuse('ENOENT', 'remove', path)
    if (node.kind === 'directory') refuse('EISDIR', 'remove', path)
    this.do({ type: 'unlink', place })
  }

  async removeLater(path: string): Promise<void> {
    this.remove(path)
  }

  removeDirectory(path: string): void {
    this.#meet('remove', 'remove the folder', path)
    const place = this.#place('remove the folder', path)
    this.#removeAll(this.#directory('remove the folder', path), place)
  }

  async syncDirectory(path: string): Promise<void> {
    await this.sync(this.#directory('sync', path).id, 'syncDirectory', path)
  }

  freeSize(path: string): number {
    if (this.#find(path) === undefined) refuse('ENOENT', 'look at the file system of', path)
    return Math.max(0, Math.min(this.sizeMax, Number.MAX_SAFE_INTEGER) - this.usedSize())
  }

  volumeSize(path: string): number {
    return this.freeSize(path) + this.usedSize()
  }

  lock(path: string): DirectoryLock | LockHolder {
    const { id } = this.#directory('lock the folder', path)
    if (this.#locked.has(id)) return { taken: false, holder: 'another broker of this process' }
    this.#locked.add(id)
    let released = false
    return {
      taken: true,
      release: () => {
        if (!released) this.#locked.delete(id)
        released = true
      }
    }
  }

  /** Bytes of all files that have a name. */
  usedSize(directory: DirectoryNode = this.disk.root): number {
    let size = 0
    for (const id of directory.live.values()) {
      const node = this.disk.node(id)
      size += node.kind === 'file' ? node.live.size : this.usedSize(node)
    }
    return size
  }

  do(op: DiskOp): void {
    this.disk.apply(op)
    if (!this.#isStopped) this.ops.push(op)
  }

  /** Begins a sync, which ends in a later turn of the event loop, in any order with others. */
  sync(node: NodeId, call: 'datasync' | 'syncDirectory', path: string): Promise<void> {
    const sync = this.#syncCount++
    const code = this.faults.meet(call, path)
    this.do({ type: 'syncBegin', node, sync })
    return new Promise((resolve, reject) => {
      const end = (): void => {
        const isFile = this.disk.node(node).kind === 'file'
        if (code === null) this.do({ type: 'syncEnd', node, sync })
        else if (isFile) this.do({ type: 'syncFail', node, sync })
        if (code === null) resolve()
        else reject(refusal(code, 'sync', path))
      }
      this.#syncs.push({ end })
      this.#endSyncs()
    })
  }

  /** @throws FileError when the plan says so */
  meet(call: FaultyCall, verb: string, path: string): void {
    this.#meet(call, verb, path)
  }

  #endSyncs(): void {
    if (this.#isEnding || this.#syncs.length === 0) return
    this.#isEnding = true
    setImmediate(() => {
      this.#isEnding = false
      if (this.#isStopped) return
      const [sync] = this.#syncs.splice(this.#draws.below(this.#syncs.length), 1)
      sync!.end()
      this.#endSyncs()
    })
  }

  #meet(call: FaultyCall, verb: string, path: string, isForWriting = false): void {
    const code = this.faults.meet(call, path, isForWriting)
    if (code !== null) refuse(code, verb, path)
  }

  #create(place: Place, kind: DiskNode['kind'], path: string): DiskNode {
    this.do({ type: 'create', place, kind })
    const node = this.#at(place)
    assert(node !== undefined, 'what was made is there')
    this.#paths.set(node.id, path)
    return node
  }

  #removeAll(directory: DirectoryNode, place: Place): void {
    // oxlint-disable-next-line unicorn/no-useless-spread -- entries go while it is walked
    for (const [name, id] of [...directory.live]) {
      const inner = { directory: directory.id, name }
      const node = this.disk.node(id)
      if (node.kind === 'directory') this.#removeAll(node, inner)
      else this.do({ type: 'unlink', place: inner })
    }
    this.do({ type: 'unlink', place })
  }

  #at({ directory, name }: Place): DiskNode | undefined {
    const id = this.disk.directory(directory).live.get(name)
    return id === undefined ? undefined : this.disk.node(id)
  }

  #find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.disk.root
    for (const name of namesOf(path)) {
      if (node?.kind !== 'directory') return undefined
      node = this.#at({ directory: node.id, name })
    }
    return node
  }

  #directory(verb: string, path: string): DirectoryNode {
    const node = this.#find(path) ?? this.#missing(verb, path)
    return node.kind === 'directory' ? node : refuse('ENOTDIR', verb, path)
  }

  #place(verb: string, path: string): Place {
    const names = namesOf(path)
    const name = names.pop() ?? refuse('EISDIR', verb, path)
    const parent = this.#find(names.join('/')) ?? this.#missing(verb, path)
    return parent.kind === 'directory'
      ? { directory: parent.id, name }
      : refuse('ENOTDIR', verb, path)
  }

  #missing(verb: string, path: string): never {
    return refuseMissing(verb, path, at => this.#find(at)?.kind === 'file')
  }
}

class SimFile implements OpenFile {
  readonly path: string
  readonly #files: SimFiles
  readonly #node: NodeId
  readonly #writable: boolean
  #isOpen = true

  constructor(files: SimFiles, path: string, node: NodeId, writable: boolean) {
    this.#files = files
    this.path = path
    this.#node = node
    this.#writable = writable
  }

  size(): number {
    this.#check('look at', false)
    return this.#files.disk.file(this.#node).live.size
  }

  writeSync(pieces: readonly Uint8Array[], position: number): void {
    assertPosition(position)
    this.#check('write', true)
    const bytes = Buffer.concat(pieces)
    if (bytes.length === 0) return
    const code = this.#files.faults.meet('write', this.path)
    const room = this.#room(position)
    const { size } = this.#files.disk.file(this.#node).live
    // As on a disk, a part of what is refused is written, unless it is to go over what is there: a
    // page cache takes that whole or not at all.
    const part = position + bytes.length <= size ? 0 : bytes.length >>> 1
    const fitting = code === null ? Math.min(bytes.length, room) : part
    if (fitting > 0) {
      const written = bytes.subarray(0, fitting)
      this.#files.do({ type: 'write', node: this.#node, position, bytes: written })
    }
    if (code !== null) refuse(code, 'write', this.path)
    if (fitting === bytes.length) return
    this.#files.faults.wasFull = true
    refuse('ENOSPC', 'write', this.path)
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    this.writeSync(pieces, position)
  }

  readSync(target: Uint8Array, position: number): number {
    assertPosition(position)
    this.#check('read', false)
    this.#files.meet('read', 'read', this.path)
    return this.#files.disk.file(this.#node).live.read(target, position)
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    return this.readSync(target, position)
  }

  truncate(size: number): void {
    this.#check('set the size of', true)
    this.#files.meet('resize', 'set the size of', this.path)
    const growth = size - this.#files.disk.file(this.#node).live.size
    if (growth > 0 && growth > this.#files.freeSize('/')) {
      refuse('ENOSPC', 'set the size of', this.path)
    }
    if (growth !== 0) this.#files.do({ type: 'resize', node: this.#node, size })
  }

  async datasync(): Promise<void> {
    this.#check('sync', false)
    await this.#files.sync(this.#node, 'datasync', this.path)
  }

  close(): void {
    this.#isOpen = false
  }

  /** How many bytes may be written from `position` on. */
  #room(position: number): number {
    if (this.#files.sizeMax === Infinity) return Infinity
    const { size } = this.#files.disk.file(this.#node).live
    return Math.max(0, size + this.#files.freeSize('/') - position)
  }

  #check(verb: string, isWrite: boolean): void {
    if (!this.#isOpen || (isWrite && !this.#writable)) refuse('EBADF', verb, this.path)
  }
}
