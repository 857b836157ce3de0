/** `volumes` of a service in their long form: `[SOURCE:]TARGET[:MODE]`. A source that looks like a path is one. */
import { ManifestError } from '../../manifests/source-object.ts';
import type { Place } from './canonical.ts';
import { absolute } from './paths.ts';
import { isMap, type Tree, type TreeMap } from './tree.ts';

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];

export function canonicalMount(mount: Tree, place: Place): Tree {
  if (typeof mount === 'string') return shortMount(mount, place);
  if (!isMap(mount)) return mount;
  if (typeof mount['target'] !== 'string') throw new ManifestError(`${place.where} needs target`);
  const { source } = mount;
  if (mount['type'] !== 'bind') return mount;
  if (typeof source !== 'string') throw new ManifestError(`${place.where} needs source: the path that it binds`);
  return { ...mount, source: absolute(source, place.directory) };
}

function shortMount(text: string, { directory, where }: Place): TreeMap {
  const parts = text.split(':');
  const [first = '', second, mode = '', ...more] = parts;
  if (more.length > 0 || first === '') {
    throw new ManifestError(`${where}: ${JSON.stringify(text)} must be [SOURCE:]TARGET[:MODE]`);
  }
  // `/data` alone, or `/data:ro`, is a volume without a name.
  if (second === undefined || (parts.length === 2 && !second.startsWith('/') && isMode(second))) {
    return { type: 'volume', target: first, ...modes(second ?? '') };
  }
  const target = second;
  const isPath = /^[./~]/.test(first);
  if (!isPath) return { type: 'volume', source: first, target, ...modes(mode) };
  const { bind, ...rest } = modes(mode);
  return {
    type: 'bind',
    source: absolute(first, directory),
    target,
    ...rest,
    bind: { create_host_path: true, ...(isMap(bind) && bind) },
  };
}

const isMode = (text: string): boolean =>
  text.split(',').every((word) => ['ro', 'rw', 'z', 'Z', ...propagations].includes(word));

function modes(text: string): TreeMap {
  const words = text.split(',');
  const propagation = words.find((word) => propagations.includes(word));
  const label = words.find((word) => word === 'z' || word === 'Z');
  const bind = { ...(propagation && { propagation }), ...(label && { selinux: label }) };
  return {
    ...(words.includes('ro') && { read_only: true }),
    ...(words.includes('nocopy') && { volume: { nocopy: true } }),
    ...(Object.keys(bind).length > 0 && { bind }),
  };
}
