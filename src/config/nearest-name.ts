/** Changes of one character that a misspelt name may be away from the one that was meant. */
const distanceMax = 4

/** The name that is fewest changes of a character away from `wrong`; null when none is near. */
export function nearestName(wrong: string, names: Iterable<string>): string | null {
  let nearest: string | null = null
  let nearestDistance = Math.min(distanceMax, Math.floor(wrong.length / 2)) + 1
  for (const name of names) {
    if (Math.abs(name.length - wrong.length) >= nearestDistance) continue
    const distance = editDistance(wrong, name)
    if (distance < nearestDistance) {
      nearest = name
      nearestDistance = distance
    }
  }
  return nearest
}

/** Insertions, removals and exchanges of one character between two texts (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const exchange = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(exchange, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
