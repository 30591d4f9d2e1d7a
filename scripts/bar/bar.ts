import { WrongOption } from '../wrong-option.ts'

/** What `npm run bar -- NAME` runs. */
export interface Bar {
  /** What it says when it is asked for help, or told something wrong. */
  readonly usage: string
  /**
   * Resolves with the exit code.
   *
   * @throws WrongOption, or what `parseArgs` throws, before anything is done
   */
  run(args: readonly string[]): Promise<number>
}

/** @throws WrongOption when the text is no whole number, or below the smallest */
export function wholeNumber(option: string, text: string, smallest = 1): number {
  if (!/^\d+$/.test(text) || Number(text) < smallest)
    throw new WrongOption(`--${option} takes a whole number from ${smallest} on, not ${text}`)
  return Number(text)
}

/** @throws WrongOption when the text is no number, or not above 0 */
export function positiveNumber(option: string, text: string): number {
  const number = Number(text)
  if (!Number.isFinite(number) || number <= 0)
    throw new WrongOption(`--${option} takes a number above 0, not ${text}`)
  return number
}

/** @throws WrongOption when the text is no mode that keeps anything */
export function keptDurability(text: string): 'os' | 'fsync' {
  if (text !== 'os' && text !== 'fsync')
    throw new WrongOption(`--durability takes os or fsync, not ${text}`)
  return text
}
