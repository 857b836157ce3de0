/** Why devices cannot be had, where it is not for a lack of them: the claim, its class or a pool is at fault. The message is upstream's. */
export class AllocationError extends Error {
  override name = 'AllocationError';
}
