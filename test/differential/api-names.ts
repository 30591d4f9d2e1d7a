import { apis, type ApiName } from '../../src/wire/generated/api-table.ts'

/** Whether there is an API of that name. */
export function isApi(name: string): name is ApiName {
  return Object.hasOwn(apis, name)
}
