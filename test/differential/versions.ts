import { apis, type ApiName } from '../../src/wire/generated/api-table.ts'

/** Every version of an API that its definition has, ascending, or those in a range of them. */
export function versions(api: ApiName, from = 0, to = Infinity): readonly number[] {
  const { minVersion, maxVersion } = apis[api]
  const all = Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => minVersion + index)
  return all.filter(version => version >= from && version <= to)
}
