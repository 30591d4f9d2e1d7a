/**
 * Reads a properties file as Java does: `key=value`, `key: value` or `key value`, comments with `#`
 * and `!`, lines that end in a backslash go on, `\n`, `\t` and `\uXXXX` are escapes. The last of
 * equal keys wins.
 */
export function parseProperties(text: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const { key, value } = splitLine(line)
    properties.set(unescaped(key), unescaped(value))
  }
  return properties
}

function logicalLines(text: string): readonly string[] {
  const lines: string[] = []
  let open: string | null = null
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const line: string = raw.trimStart()
    if (open === null && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    const whole: string = (open ?? '') + line
    const backslashes = /\\*$/.exec(whole)![0].length
    if (backslashes % 2 === 1) {
      open = whole.slice(0, -1)
    } else {
      open = null
      lines.push(whole)
    }
  }
  if (open !== null) lines.push(open)
  return lines
}

function splitLine(line: string): { readonly key: string; readonly value: string } {
  const match = /^((?:\\.|[^\\=:\s])*)(?:\s*[=:]\s*|\s+|$)(.*)$/s.exec(line)
  return { key: match?.[1] ?? line, value: match?.[2] ?? '' }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f' }

function unescaped(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|(.))/gs,
    (_match: string, code: string | undefined, character: string | undefined) =>
      code === undefined
        ? (escapes[character ?? ''] ?? character ?? '')
        : String.fromCharCode(parseInt(code, 16))
  )
}
