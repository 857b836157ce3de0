/** Groups of the community (`*.k8s.io`): a definition in one has to say where it was reviewed, or that it was not. */

export const approvalKey = 'api-approved.kubernetes.io';

const enhancement = 'see https://github.com/kubernetes/enhancements/pull/1111';

export interface Approval {
  readonly state: 'approved' | 'bypassed' | 'missing' | 'invalid';
  /** Of the condition. */
  readonly reason: string;
  readonly message: string;
}

export function isCommunityGroup(group: string): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(group);
}

export function approvalOf(annotation: string | undefined): Approval {
  const needed = `protected groups must have approval annotation "${approvalKey}"`;
  if (!annotation) return { state: 'missing', reason: 'MissingAnnotation', message: `${needed}, ${enhancement}` };
  if (annotation.startsWith('unapproved')) {
    const message = `not approved: ${JSON.stringify(annotation)}`;
    return { state: 'bypassed', reason: 'UnapprovedAnnotation', message };
  }
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]+/i.test(annotation)) {
    return { state: 'approved', reason: 'ApprovedAnnotation', message: `approved in ${annotation}` };
  }
  const message = `${needed} with either a URL or a reason starting with "unapproved", ${enhancement}`;
  return { state: 'invalid', reason: 'InvalidAnnotation', message };
}
