import {
  assertPosition,
  type DirectoryEntry,
  type DirectoryLock,
  type Files,
  type LockHolder,
  type OpenFile,
  type OpenMode
} from './files.ts'
import { MemoryFileContent } from './memory-file-content.ts'
import { namesOf, refuse, refuseMissing } from './refusals.ts'

export interface MemoryFilesOptions {
  /**
   * Most bytes that all files together may hold; a write beyond is cut short and refused (ENOSPC).
   */
  readonly sizeMax?: number
}

/** A file system in RAM, and what tests may ask of it. */
export interface MemoryFiles extends Files {
  /** Bytes held by all files, those that were removed but are still open included. */
  readonly usedSize: number
  /** Files that are open now. */
  readonly openCount: number
}

/** A file system of its own in RAM: what it holds goes when nobody refers to it any more. */
export function memoryFiles(options: MemoryFilesOptions = {}): MemoryFiles {
  return new MemoryTree(options.sizeMax ?? Number.MAX_SAFE_INTEGER)
}

interface DirectoryNode {
  readonly kind: 'directory'
  readonly entries: Map<string, Node>
  locked: boolean
}

interface FileNode {
  readonly kind: 'file'
  readonly content: MemoryFileContent
  /** False once the file has no name; its bytes then live as long as somebody has it open. */
  named: boolean
  openCount: number
}

type Node = DirectoryNode | FileNode

function newDirectory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), locked: false }
}

class MemoryTree implements MemoryFiles {
  readonly #root = newDirectory()
  readonly #sizeMax: number
  #usedSize = 0
  #openCount = 0

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  get usedSize(): number {
    return this.#usedSize
  }

  get openCount(): number {
    return this.#openCount
  }

  open(path: string, mode: OpenMode): OpenFile {
    const { parent, name } = this.#locate('open', path)
    let node = parent.entries.get(name)
    if (node === undefined) {
      if (mode === 'read' || mode === 'readWrite') refuse('ENOENT', 'open', path)
      node = { kind: 'file', content: new MemoryFileContent(), named: true, openCount: 0 }
      parent.entries.set(name, node)
    } else if (mode === 'exclusive') refuse('EEXIST', 'open', path)
    if (node.kind === 'directory') refuse('EISDIR', 'open', path)
    node.openCount++
    this.#openCount++
    return new MemoryFile(path, mode !== 'read', node, this)
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined
  }

  makeDirectory(path: string): void {
    let directory = this.#root
    const names = namesOf(path)
    for (const [index, name] of names.entries()) {
      let next = directory.entries.get(name)
      if (next === undefined) {
        next = newDirectory()
        directory.entries.set(name, next)
      }
      if (next.kind === 'file')
        refuse(index === names.length - 1 ? 'EEXIST' : 'ENOTDIR', 'make the folder', path)
      directory = next
    }
  }

  list(path: string): readonly DirectoryEntry[] {
    const { entries } = this.#directory('list', path)
    return [...entries.keys()].sort().map(name => ({ name, kind: entries.get(name)!.kind }))
  }

  rename(from: string, to: string): void {
    const verb = `rename to ${to}`
    const source = this.#locate(verb, from)
    const target = this.#locate(verb, to)
    const node = source.parent.entries.get(source.name) ?? refuse('ENOENT', verb, from)
    const replaced = target.parent.entries.get(target.name)
    if (replaced === node) return
    if (node.kind === 'directory') {
      if (`${namesOf(to).join('/')}/`.startsWith(`${namesOf(from).join('/')}/`))
        refuse('EINVAL', verb, from)
      if (replaced?.kind === 'file') refuse('ENOTDIR', verb, from)
      if (replaced !== undefined && replaced.entries.size > 0) refuse('ENOTEMPTY', verb, from)
    } else {
      if (replaced?.kind === 'directory') refuse('EISDIR', verb, from)
      if (replaced !== undefined) this.#forget(replaced)
    }
    source.parent.entries.delete(source.name)
    target.parent.entries.set(target.name, node)
  }

  remove(path: string): void {
    const { parent, name } = this.#locate('remove', path)
    const node = parent.entries.get(name) ?? refuse('ENOENT', 'remove', path)
    if (node.kind === 'directory') refuse('EISDIR', 'remove', path)
    parent.entries.delete(name)
    this.#forget(node)
  }

  async removeLater(path: string): Promise<void> {
    this.remove(path)
  }

  removeDirectory(path: string): void {
    const { parent, name } = this.#locate('remove the folder', path)
    const directory = this.#directory('remove the folder', path)
    parent.entries.delete(name)
    this.#forgetAll(directory)
  }

  async syncDirectory(path: string): Promise<void> {
    this.#directory('sync', path)
  }

  freeSize(path: string): number {
    if (this.#find(path) === undefined) refuse('ENOENT', 'look at the file system of', path)
    return this.#sizeMax - this.#usedSize
  }

  volumeSize(path: string): number {
    if (this.#find(path) === undefined) refuse('ENOENT', 'look at the file system of', path)
    return this.#sizeMax
  }

  lock(path: string): DirectoryLock | LockHolder {
    const directory = this.#directory('lock the folder', path)
    if (directory.locked) return { taken: false, holder: 'another broker of this process' }
    directory.locked = true
    let released = false
    return {
      taken: true,
      release: () => {
        if (released) return
        released = true
        directory.locked = false
      }
    }
  }

  /** Takes as much of `size` more bytes as there is room for; a negative size gives back. */
  reserve(size: number): number {
    const reserved = Math.min(size, this.#sizeMax - this.#usedSize)
    this.#usedSize += reserved
    return reserved
  }

  giveBack(size: number): void {
    this.#usedSize -= size
  }

  closed(node: FileNode): void {
    node.openCount--
    this.#openCount--
    this.#freeUnlessUsed(node)
  }

  #forget(node: FileNode): void {
    node.named = false
    this.#freeUnlessUsed(node)
  }

  #forgetAll(directory: DirectoryNode): void {
    for (const node of directory.entries.values())
      if (node.kind === 'file') this.#forget(node)
      else this.#forgetAll(node)
    directory.entries.clear()
  }

  #freeUnlessUsed(node: FileNode): void {
    if (node.named || node.openCount > 0) return
    this.giveBack(node.content.size)
    node.content.resize(0)
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of namesOf(path)) {
      if (node?.kind !== 'directory') return undefined
      node = node.entries.get(name)
    }
    return node
  }

  #directory(verb: string, path: string): DirectoryNode {
    const node = this.#find(path) ?? this.#missing(verb, path)
    return node.kind === 'directory' ? node : refuse('ENOTDIR', verb, path)
  }

  /** The folder that holds (or would hold) the last name of `path`. */
  #locate(verb: string, path: string): { parent: DirectoryNode; name: string } {
    const names = namesOf(path)
    const name = names.pop() ?? refuse('EISDIR', verb, path)
    const parent = this.#find(names.join('/')) ?? this.#missing(verb, path)
    return parent.kind === 'directory' ? { parent, name } : refuse('ENOTDIR', verb, path)
  }

  #missing(verb: string, path: string): never {
    return refuseMissing(verb, path, at => this.#find(at)?.kind === 'file')
  }
}

class MemoryFile implements OpenFile {
  readonly path: string
  readonly #writable: boolean
  readonly #node: FileNode
  readonly #tree: MemoryTree
  #isOpen = true

  constructor(path: string, writable: boolean, node: FileNode, tree: MemoryTree) {
    this.path = path
    this.#writable = writable
    this.#node = node
    this.#tree = tree
  }

  size(): number {
    return this.#content('look at').size
  }

  writeSync(pieces: readonly Uint8Array[], position: number): void {
    assertPosition(position)
    let at = position
    for (const piece of pieces) {
      this.#writePiece(piece, at)
      at += piece.length
    }
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    this.writeSync(pieces, position)
  }

  readSync(target: Uint8Array, position: number): number {
    assertPosition(position)
    return this.#content('read').read(target, position)
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    return this.readSync(target, position)
  }

  truncate(size: number): void {
    const content = this.#writableContent('set the size of')
    const growth = size - content.size
    const reserved = this.#tree.reserve(growth)
    if (reserved < growth) {
      // Unlike a write, a file that cannot grow as far as asked does not grow at all.
      this.#tree.giveBack(reserved)
      refuse('ENOSPC', 'set the size of', this.path)
    }
    content.resize(size)
  }

  async datasync(): Promise<void> {
    this.#content('sync')
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#tree.closed(this.#node)
  }

  #writePiece(piece: Uint8Array, position: number): void {
    const content = this.#writableContent('write')
    if (piece.length === 0) return
    const growth = Math.max(0, position + piece.length - content.size)
    const missing = growth - this.#tree.reserve(growth)
    if (missing === 0) {
      content.write(piece, position)
      return
    }
    // As on a disk, what still fits is written before the rest is refused.
    const fitting = piece.length - missing
    if (fitting > 0) content.write(piece.subarray(0, fitting), position)
    else content.resize(content.size + growth - missing)
    refuse('ENOSPC', 'write', this.path)
  }

  #content(verb: string): MemoryFileContent {
    return this.#isOpen ? this.#node.content : refuse('EBADF', verb, this.path)
  }

  #writableContent(verb: string): MemoryFileContent {
    return this.#writable ? this.#content(verb) : refuse('EBADF', verb, this.path)
  }
}
