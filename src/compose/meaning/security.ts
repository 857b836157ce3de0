/** Users, capabilities and `security_opt` of a container. Users and groups are numbers in Kubernetes: a name is told. */
import type { SecurityContext } from '../../api/schema/types/core-v1.ts';
import { isOn, type Service } from '../model.ts';
import type { Translation } from './translation.ts';

type Draft = { -readonly [K in keyof SecurityContext]?: SecurityContext[K] };

export function securityOf(service: Service, place: string, translation: Translation): SecurityContext | undefined {
  const draft: Draft = { ...userOf(service.user, place, translation) };
  if (isOn(service.privileged)) draft.privileged = true;
  if (isOn(service.read_only)) draft.readOnlyRootFilesystem = true;
  const add = (service.cap_add ?? []).map(capability);
  const drop = (service.cap_drop ?? []).map(capability);
  if (add.length + drop.length > 0) {
    draft.capabilities = { ...(add.length > 0 && { add }), ...(drop.length > 0 && { drop }) };
  }
  for (const option of service.security_opt ?? []) {
    if (!applyOption(draft, option)) {
      translation.note(
        `${place}.security_opt`,
        `${option} is not carried over: a pod's securityContext has no such wish`,
      );
    }
  }
  return Object.keys(draft).length === 0 ? undefined : draft;
}

const capability = (name: string): string => name.toUpperCase().replace(/^CAP_/, '');

function userOf(user: string | undefined, place: string, translation: Translation): Draft {
  const [name = '', group = ''] = (user ?? '').split(':');
  const isNumber = (text: string): boolean => /^\d+$/.test(text);
  const known: Readonly<Record<string, string>> = { root: '0' };
  const uid = known[name] ?? name;
  const gid = known[group] ?? group;
  for (const text of [uid, gid]) {
    if (text !== '' && !isNumber(text)) {
      translation.note(
        `${place}.user`,
        `${text} is a name: Kubernetes takes numbers only, so the image's own user runs; write its number`,
      );
    }
  }
  return {
    ...(isNumber(uid) && { runAsUser: Number(uid) }),
    ...(isNumber(gid) && { runAsGroup: Number(gid) }),
  };
}

const labelFields: Readonly<Record<string, 'user' | 'role' | 'type' | 'level'>> = {
  user: 'user',
  role: 'role',
  type: 'type',
  level: 'level',
};

/** False: nothing stands for it. */
function applyOption(draft: Draft, option: string): boolean {
  const [name = '', value = '', inner = ''] = option.split(/[:=]/);
  switch (name) {
    case 'no-new-privileges':
      draft.allowPrivilegeEscalation = value === 'false';
      return true;
    case 'seccomp':
      if (value !== 'unconfined') return false;
      draft.seccompProfile = { type: 'Unconfined' };
      return true;
    case 'apparmor':
      draft.appArmorProfile =
        value === 'unconfined' ? { type: 'Unconfined' } : { type: 'Localhost', localhostProfile: value };
      return value !== '';
    case 'label': {
      const field = labelFields[value];
      if (field === undefined) return false;
      draft.seLinuxOptions = { ...draft.seLinuxOptions, [field]: inner };
      return true;
    }
    default:
      return false;
  }
}
