import type { ErrorName } from '../wire/generated/errors.ts'
import type { ClassicGroup } from './classic-group.ts'

/** How a request names the member that it speaks for. */
export interface MemberIdentity {
  readonly memberId: string
  readonly groupInstanceId: string | null
}

/**
 * Whether a member is who it says: a static one must hold its instance id under this very member
 * id.
 *
 * @returns UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID when another member id holds the instance id
 *   (KIP-345)
 */
export function checkMember(group: ClassicGroup, identity: MemberIdentity): ErrorName {
  if (identity.groupInstanceId !== null) {
    const holder = group.memberIdOf(identity.groupInstanceId)
    if (holder === undefined) return 'UNKNOWN_MEMBER_ID'
    if (holder !== identity.memberId) return 'FENCED_INSTANCE_ID'
  }
  return group.members.has(identity.memberId) ? 'NONE' : 'UNKNOWN_MEMBER_ID'
}

/**
 * The same, and that the member speaks of the present generation; ILLEGAL_GENERATION if it does
 * not.
 */
export function checkGeneration(
  group: ClassicGroup,
  identity: MemberIdentity & { readonly generationId: number }
): ErrorName {
  const error = checkMember(group, identity)
  if (error !== 'NONE') return error
  return identity.generationId === group.generationId ? 'NONE' : 'ILLEGAL_GENERATION'
}
