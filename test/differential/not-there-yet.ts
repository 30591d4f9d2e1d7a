import { handlers } from '../../src/handlers/index.ts'
import { isApi } from './api-names.ts'

/** Configs that came after Kafka 4.2, whose definitions odradek has. */
const laterConfigs: ReadonlySet<string> = new Set([
  'errors.deadletterqueue.group.enable',
  'max.decompressed.message.bytes',
  'remote.copy.lag.bytes',
  'remote.copy.lag.ms'
])

/**
 * Whether Kafka's answer has something that odradek is known not to have at all, so that it is no
 * difference of a single answer: an API that is not served, a config that came later.
 *
 * @param list the field in which it stands by its name
 */
export function isNotThereYet(list: string, name: string): boolean {
  if (list === 'apiKeys') return !isApi(name) || handlers[name] === undefined
  return list === 'configs' && laterConfigs.has(name)
}
