import type { Rolldown } from 'tsdown'

/**
 * Writes what is not ASCII as escapes. A single such character makes V8 keep the whole source in
 * two bytes a character, and Node decode all of it at every start.
 */
export function asciiOnly(): Rolldown.Plugin {
  return {
    name: 'ascii-only',
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk' || isDeclarations(file.fileName)) continue
        file.code = file.code.replaceAll(/[\u0080-\uffff]/g, escaped)
      }
    }
  }
}

/** These are read by people, and by no engine. */
function isDeclarations(fileName: string): boolean {
  return /\.d\.[cm]?ts$/.test(fileName)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
