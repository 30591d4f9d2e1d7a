/** A number and what it counts: "1 batch", "2 batches", "0 segments". */
export function counted(count: number, word: string): string {
  if (count === 1) return `1 ${word}`
  return `${count} ${word}${word.endsWith('ch') ? 'es' : 's'}`
}
