import { dirname, posix } from 'node:path'
import ts from 'typescript'
import {
  banned,
  brokerImporters,
  entryPoints,
  fileLinesMax,
  functionLinesMax,
  lineLengthMax,
  longFiles,
  mayImport,
  sharedTypes,
  usedByTestsOnly
} from './rules.ts'

/** Path below `src` (or below the root of the project, for tests and scripts) to text. */
export type Sources = ReadonlyMap<string, string>

export interface Import {
  readonly specifier: string
  /** Path below `src` for a relative import, null for a package. */
  readonly target: string | null
  readonly typeOnly: boolean
}

const isGenerated = (path: string): boolean =>
  path.startsWith('wire/generated/') || /^(config|record)\/generated\.ts$/.test(path)

const parsedFiles = new Map<string, ts.SourceFile>()

/** Several rules look at the same file. */
function parsed(path: string, text: string): ts.SourceFile {
  const known = parsedFiles.get(path)
  if (known?.text === text) return known
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  parsedFiles.set(path, file)
  return file
}

/** Every import and re-export of a file, dynamic ones included. */
export function importsOf(path: string, text: string): readonly Import[] {
  const file = parsed(path, text)
  const found: Import[] = []
  const add = (specifier: string, typeOnly: boolean): void => {
    const target = specifier.startsWith('.') ? posix.join(dirname(path), specifier) : null
    found.push({ specifier, target, typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      add(node.moduleSpecifier.text, isTypeOnly(node.importClause))
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier !== undefined &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      add(node.moduleSpecifier.text, node.isTypeOnly)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      if (argument !== undefined && ts.isStringLiteral(argument)) add(argument.text, false)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const names = clause.namedBindings
  return (
    clause.name === undefined &&
    names !== undefined &&
    ts.isNamedImports(names) &&
    names.elements.length > 0 &&
    names.elements.every(element => element.isTypeOnly)
  )
}

/**
 * The row of the import table that a file belongs to: its first folder, or its own name at the top.
 */
function areaOf(path: string): string {
  const slash = path.indexOf('/')
  return slash < 0 ? path.replace(/\.ts$/, '') : path.slice(0, slash)
}

/** Imports that the table of architecture does not allow. */
export function importViolations(sources: Sources): readonly string[] {
  const violations: string[] = []
  for (const [path, text] of sources) {
    const area = areaOf(path)
    const row = mayImport[area]
    if (row === undefined) {
      violations.push(`${path}: the import table has no row for ${area}`)
      continue
    }
    for (const { target, typeOnly, specifier } of importsOf(path, text)) {
      if (target === null) continue
      if (!/\.(ts|json)$/.test(specifier)) violations.push(`${path}: ${specifier} has no extension`)
      if (!isAllowed(area, row, target, typeOnly))
        violations.push(`${path}: must not import ${target}`)
    }
  }
  return violations
}

function isAllowed(
  area: string,
  row: readonly string[] | 'everything',
  target: string,
  typeOnly: boolean
): boolean {
  const targetArea = areaOf(target)
  if (targetArea === 'broker') return brokerImporters.includes(area)
  if (targetArea === area || row === 'everything') return true
  const name = target.replace(/\.ts$/, '')
  if (typeOnly && sharedTypes.some(pattern => pattern.test(name))) return true
  return row.some(allowed => (allowed.includes('/') ? allowed === name : allowed === targetArea))
}

/**
 * Circles of imports, each written as the way around. Imports of types count: they tie just as
 * well.
 */
export function importCycles(sources: Sources): readonly string[] {
  const graph = new Map<string, readonly string[]>()
  for (const [path, text] of sources) {
    const targets = importsOf(path, text).flatMap(({ target }) => (target === null ? [] : [target]))
    graph.set(
      path,
      targets.filter(target => sources.has(target))
    )
  }
  const cycles: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const walk = (path: string, way: readonly string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      cycles.push([...way.slice(way.indexOf(path)), path].join(' -> '))
      return
    }
    state.set(path, 'open')
    for (const target of graph.get(path) ?? []) walk(target, [...way, path])
    state.set(path, 'done')
  }
  for (const path of graph.keys()) walk(path, [])
  return cycles
}

/**
 * Files of the program that no file of the program imports. `others` are tests and scripts, below
 * the root.
 */
export function deadFiles(sources: Sources, others: Sources = new Map()): readonly string[] {
  const imported = new Set<string>()
  for (const [path, text] of sources)
    for (const { target } of importsOf(path, text)) if (target !== null) imported.add(target)
  const importedByOthers = new Set<string>()
  for (const [path, text] of others) {
    for (const { target } of importsOf(path, text))
      if (target?.startsWith('src/') === true) importedByOthers.add(target.slice('src/'.length))
  }
  return [...sources.keys()].filter(path => {
    if (imported.has(path) || entryPoints.includes(path) || isGenerated(path)) return false
    // Declarations of a foreign module: the compiler takes them in by itself.
    if (path.endsWith('.d.ts')) return false
    return !(usedByTestsOnly.test(path) && importedByOthers.has(path))
  })
}

/** Banned text in the sources, as `path:line: text (reason)`. */
export function bannedText(sources: Sources): readonly string[] {
  const violations: string[] = []
  for (const [path, text] of sources) {
    if (isGenerated(path)) continue
    const rules = banned.filter(rule => !rule.allowedIn.test(path))
    for (const [index, line] of text.split('\n').entries()) {
      for (const rule of rules) {
        const match = rule.text.exec(line)
        if (match !== null) violations.push(`${path}:${index + 1}: ${match[0]} (${rule.reason})`)
      }
    }
  }
  return violations
}

/** The name of a test is a sentence, and stays in one piece. */
const testName = /^\s*(\]\)|test|describe)[\w.]*\(/

/** Files, functions and lines that are too long. */
export function lengthViolations(sources: Sources): readonly string[] {
  const violations: string[] = []
  for (const [path, text] of sources) {
    if (isGenerated(path)) continue
    const lines = text.replace(/\n$/, '').split('\n')
    if (lines.length > fileLinesMax && longFiles[path] === undefined)
      violations.push(`${path}: ${lines.length} lines`)
    for (const [index, line] of lines.entries()) {
      const length = Array.from(line).length
      if (length > lineLengthMax && !/https?:\/\//.test(line) && !testName.test(line))
        violations.push(`${path}:${index + 1}: ${length} columns`)
    }
    violations.push(...longFunctions(path, text))
  }
  return violations
}

function longFunctions(path: string, text: string): readonly string[] {
  const file = parsed(path, text)
  const violations: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const first = file.getLineAndCharacterOfPosition(node.getStart(file)).line
      const last = file.getLineAndCharacterOfPosition(node.getEnd()).line
      const lines = last - first + 1
      if (lines > functionLinesMax) {
        const name = node.name?.getText(file) ?? 'a function'
        violations.push(`${path}:${first + 1}: ${name} has ${lines} lines`)
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return violations
}
