import { assert } from '../../../src/base/assert.ts'
import type { Files, OpenFile } from '../../../src/io/files.ts'
import { memoryFiles } from '../../../src/io/memory-files.ts'
import { contentOf, crashable, putContent } from './directory.ts'

/** Draws one of `count` choices; what a power cut leaves of what was not synced. */
export type Draw = (count: number) => number

/** Files in memory that remember what a power cut would leave of them. */
export interface PowerCutFiles extends Files {
  /** Cuts the power: files as the disk has them, on which everything starts again. */
  cut(draw: Draw): PowerCutFiles
  /**
   * Kills the process: files as they are, and what the dead one still does reaches them no more.
   */
  kill(): PowerCutFiles
}

/** The bytes of one file, whatever its name is. */
interface Content {
  durable: Buffer
}

interface Names {
  /** Which content a path has: after everything that was done, and as the disk knows it. */
  readonly live: Map<string, Content>
  readonly durable: Map<string, Content>
  readonly liveFolders: Set<string>
  readonly durableFolders: Set<string>
}

/**
 * A file system that keeps its promises and not more: bytes are safe after `datasync`, names after
 * `syncDirectory` of their folder. What was not synced may be there after a cut, or not, or in
 * part.
 */
export function powerCutFiles(
  inner: Files = memoryFiles(),
  from: Names = noNames()
): PowerCutFiles {
  const names = from
  const contentAt = (path: string): Content => {
    let content = names.live.get(path)
    if (content === undefined) {
      content = { durable: Buffer.alloc(0) }
      names.live.set(path, content)
    }
    return content
  }
  return {
    ...crashable(inner),
    open(path, mode) {
      const opened = inner.open(path, mode)
      return remembering(opened, contentAt(path))
    },
    makeDirectory(path) {
      inner.makeDirectory(path)
      for (let above = path; above !== ''; above = parentOf(above)) names.liveFolders.add(above)
    },
    rename(oldPath, newPath) {
      inner.rename(oldPath, newPath)
      const content = names.live.get(oldPath)
      assert(content !== undefined, 'only files are renamed here')
      names.live.delete(oldPath)
      names.live.set(newPath, content)
    },
    remove(path) {
      inner.remove(path)
      names.live.delete(path)
    },
    async removeLater(path) {
      await inner.removeLater(path)
      names.live.delete(path)
    },
    async syncDirectory(path) {
      await inner.syncDirectory(path)
      const folder = path === '/' ? '' : path
      takeOver(names, folder)
    },
    cut: draw => afterCut(inner, names, draw),
    kill: () => afterKill(inner, names)
  }
}

function noNames(): Names {
  return {
    live: new Map(),
    durable: new Map(),
    liveFolders: new Set(),
    durableFolders: new Set()
  }
}

function remembering(opened: OpenFile, content: Content): OpenFile {
  return {
    path: opened.path,
    size: () => opened.size(),
    writeSync: (pieces, position) => opened.writeSync(pieces, position),
    write: (pieces, position) => opened.write(pieces, position),
    readSync: (target, position) => opened.readSync(target, position),
    read: (target, position) => opened.read(target, position),
    truncate: size => opened.truncate(size),
    close: () => opened.close(),
    async datasync() {
      const bytes = Buffer.alloc(opened.size())
      opened.readSync(bytes, 0)
      await opened.datasync()
      content.durable = bytes
    }
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function takeOver(names: Names, folder: string): void {
  const { live, durable } = names
  const gone = [...durable.keys()].filter(path => parentOf(path) === folder && !live.has(path))
  for (const path of gone) durable.delete(path)
  for (const [path, content] of live) {
    if (parentOf(path) === folder) durable.set(path, content)
  }
  for (const path of names.liveFolders) {
    if (parentOf(path) === folder) names.durableFolders.add(path)
  }
}

function afterKill(inner: Files, names: Names): PowerCutFiles {
  const files = memoryFiles()
  const copies = new Map<Content, Content>()
  const copyOf = (content: Content): Content => {
    const copy = copies.get(content) ?? { durable: content.durable }
    copies.set(content, copy)
    return copy
  }
  for (const path of names.liveFolders) files.makeDirectory(path)
  for (const path of names.live.keys()) putContent(files, path, contentOf(inner, path))
  return powerCutFiles(files, {
    live: new Map([...names.live].map(([path, content]) => [path, copyOf(content)])),
    durable: new Map([...names.durable].map(([path, content]) => [path, copyOf(content)])),
    liveFolders: new Set(names.liveFolders),
    durableFolders: new Set(names.durableFolders)
  })
}

function afterCut(inner: Files, names: Names, draw: Draw): PowerCutFiles {
  const files = memoryFiles()
  const after = noNames()
  const isReachable = (path: string): boolean => {
    for (let above = parentOf(path); above !== ''; above = parentOf(above)) {
      if (!names.durableFolders.has(above)) return false
    }
    return true
  }
  for (const path of names.durableFolders) {
    if (!isReachable(path)) continue
    files.makeDirectory(path)
    after.liveFolders.add(path)
    after.durableFolders.add(path)
  }
  for (const path of new Set([...names.durable.keys(), ...names.live.keys()])) {
    const [durable, live] = [names.durable.get(path), names.live.get(path)]
    const content = durable === live || draw(2) === 0 ? durable : live
    if (content === undefined || !isReachable(path)) continue
    const bytes = contentAfterCut(inner, path, content, content === live, draw)
    putContent(files, path, bytes)
    const kept = { durable: bytes }
    after.live.set(path, kept)
    after.durable.set(path, kept)
  }
  return powerCutFiles(files, after)
}

/** Bytes that were not synced: none of them, all, a part, or zeros in their place. */
function contentAfterCut(
  inner: Files,
  path: string,
  content: Content,
  isLive: boolean,
  draw: Draw
): Buffer {
  const { durable } = content
  if (!isLive || !inner.exists(path)) return durable
  const live = contentOf(inner, path)
  if (live.equals(durable)) return durable
  switch (draw(4)) {
    case 0:
      return durable
    case 1:
      return live
    case 2:
      return live.length > durable.length
        ? live.subarray(0, durable.length + draw(live.length - durable.length))
        : live
    default: {
      const zeros = Buffer.alloc(Math.max(live.length, durable.length))
      durable.copy(zeros)
      return zeros
    }
  }
}
