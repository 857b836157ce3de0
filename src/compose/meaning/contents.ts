/** Configs and secrets: a ConfigMap or Secret each, `PROJECT-NAME` with one key of the same name, and a mounted file where a service asks for it. */
import { isUtf8 } from 'node:buffer';
import type { ConfigMap, Secret, VolumeMount } from '../../api/schema/types/core-v1.ts';
import { type Content, type FileReference, isOn } from '../model.ts';
import { annotationsOf } from './annotations.ts';
import { dnsLabel } from './names.ts';
import type { PodVolumes } from './pod-volumes.ts';
import { wholeNumber } from './quantities.ts';
import type { Translation } from './translation.ts';

type Section = 'configs' | 'secrets';

function objectName(key: string, { name, external }: Content, translation: Translation): string {
  if (name !== undefined) return dnsLabel(name);
  return isOn(external) ? dnsLabel(key) : translation.scoped(key);
}

/** Each with the place where it comes from. */
export function contentObjects(translation: Translation): (readonly [ConfigMap | Secret, string])[] {
  const { configs, secrets } = translation.project;
  return [
    ...[...configs].flatMap(([key, content]) => objectOf('configs', key, content, translation)),
    ...[...secrets].flatMap(([key, content]) => objectOf('secrets', key, content, translation)),
  ];
}

function objectOf(
  section: Section,
  key: string,
  content: Content,
  translation: Translation,
): (readonly [ConfigMap | Secret, string])[] {
  const place = `${section}.${key}`;
  const name = objectName(key, content, translation);
  const kind = section === 'configs' ? 'ConfigMap' : 'Secret';
  if (content.content === undefined) {
    translation.note(place, `it is external: the ${kind} ${name} must be there, with a key ${key}`);
    return [];
  }
  const annotations = annotationsOf(content.labels, `${place}.labels`, translation);
  const metadata = {
    name,
    labels: { 'app.kubernetes.io/part-of': translation.partOf },
    ...(annotations && { annotations }),
  };
  const base64 = { [key]: content.content.toString('base64') };
  if (section === 'secrets') return [[{ apiVersion: 'v1', kind, metadata, type: 'Opaque', data: base64 }, place]];
  const data = isUtf8(content.content) ? { data: { [key]: content.content.toString('utf8') } } : { binaryData: base64 };
  return [[{ apiVersion: 'v1', kind, metadata, ...data }, place]];
}

export function contentMounts(name: string, volumes: PodVolumes, translation: Translation): VolumeMount[] {
  const { configs = [], secrets = [] } = translation.service(name);
  const each = (section: Section) => (reference: FileReference, index: number) =>
    mountOf(section, reference, `services.${name}.${section}[${index}]`, volumes, translation);
  return [...configs.map(each('configs')), ...secrets.map(each('secrets'))];
}

/** Where a file goes that names no place, or one without a slash. */
const folders: Readonly<Record<Section, string>> = { configs: '/', secrets: '/run/secrets/' };

function mountOf(
  section: Section,
  { source, target, mode }: FileReference,
  place: string,
  volumes: PodVolumes,
  translation: Translation,
): VolumeMount {
  const content = translation.project[section].get(source) ?? {};
  const name = objectName(source, content, translation);
  const bits = mode === undefined ? undefined : modeOf(mode, translation.where(`${place}.mode`));
  const items = [{ key: source, path: source, ...(bits !== undefined && { mode: bits }) }];
  const volume = section === 'configs' ? { configMap: { name, items } } : { secret: { secretName: name, items } };
  const path = target ?? source;
  return {
    name: volumes.add(`${section === 'configs' ? 'config' : 'secret'}-${source}`, volume),
    mountPath: path.startsWith('/') ? path : folders[section] + path,
    subPath: source,
    readOnly: true,
  };
}

/** `"0440"` is octal, however it is written; Kubernetes knows the lower nine bits. */
const modeOf = (mode: string | number, where: string): number =>
  (typeof mode === 'string' && /^0o?[0-7]+$/.test(mode)
    ? Number.parseInt(mode.replace(/^0o?/, '') || '0', 8)
    : wholeNumber(mode, where)) & 0o777;
