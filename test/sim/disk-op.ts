/** Names a file or folder, whatever it is called. */
export type NodeId = number

/** Something that was done to a disk; a list of them makes the disk again. */
export type DiskOp =
  | { readonly type: 'create'; readonly place: Place; readonly kind: 'file' | 'directory' }
  | { readonly type: 'rename'; readonly from: Place; readonly to: Place }
  | { readonly type: 'unlink'; readonly place: Place }
  | { readonly type: 'write'; readonly node: NodeId; readonly position: number; bytes: Buffer }
  | { readonly type: 'resize'; readonly node: NodeId; readonly size: number }
  | { readonly type: 'syncBegin'; readonly node: NodeId; readonly sync: number }
  | { readonly type: 'syncEnd'; readonly node: NodeId; readonly sync: number }
  /** The system tells of the failure once, and takes the pages for clean from then on. */
  | { readonly type: 'syncFail'; readonly node: NodeId; readonly sync: number }

/** A name in a folder. */
export interface Place {
  readonly directory: NodeId
  readonly name: string
}
