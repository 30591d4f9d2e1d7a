/**
 * WebAssembly as the broker uses it: all at once, without promises. Node has it, and its types of
 * this major version do not say so.
 */
declare namespace WebAssembly {
  type ExportedFunction = (...values: number[]) => number

  interface Memory {
    readonly buffer: ArrayBuffer
    /** @throws RangeError when there is no more memory to be had */
    grow(pages: number): number
  }

  class Module {
    constructor(code: Uint8Array)
    static imports(module: Module): Array<{ readonly module: string; readonly name: string }>
  }

  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, ExportedFunction>>)
    readonly exports: Readonly<Record<string, ExportedFunction | Memory>>
  }
}
