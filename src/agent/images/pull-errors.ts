/** What a failed pull is called in a pod's status: some runtimes begin their message with the reason. Pure. */

export interface PullFailure {
  readonly reason: 'ErrImagePull' | 'RegistryUnavailable' | 'SignatureValidationFailed';
  readonly message: string;
}

const known: readonly (readonly [reason: PullFailure['reason'], why: string])[] = [
  ['RegistryUnavailable', 'the registry is unavailable'],
  ['SignatureValidationFailed', 'the signature validation failed'],
];

export function pullFailure(image: string, message: string): PullFailure {
  for (const [reason, why] of known) {
    if (!message.startsWith(reason)) continue;
    return { reason, message: `image pull failed for ${image} because ${why}${message.slice(reason.length)}` };
  }
  return { reason: 'ErrImagePull', message };
}

const pullReasons: ReadonlySet<string> = new Set(['ErrImagePull', 'RegistryUnavailable', 'SignatureValidationFailed']);

/** Such a reason gives way to `ImagePullBackOff` until the next try; the others stay. */
export function isPullFailure(reason: string): boolean {
  return pullReasons.has(reason);
}
