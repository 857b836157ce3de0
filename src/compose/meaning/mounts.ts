/**
 * `volumes`, `tmpfs` and `shm_size` of a service. A named volume is a claim (`claims.ts`), one for all who mount it, as in Compose; a bound
 * path is a hostPath, which is this machine's; what has no name is an emptyDir and ends with its pod.
 */
import type { Volume, VolumeMount } from '../../api/schema/types/core-v1.ts';
import { isOn, type Mount, type Service } from '../model.ts';
import { claimNameOf, isBound } from './claims.ts';
import type { PodVolumes } from './pod-volumes.ts';
import { memory } from './quantities.ts';
import type { Translation } from './translation.ts';

export function mountsOf(name: string, volumes: PodVolumes, translation: Translation): VolumeMount[] {
  const service = translation.service(name);
  const place = `services.${name}`;
  const own = (service.volumes ?? []).flatMap((mount, index) =>
    mountOf(mount, `${place}.volumes[${index}]`, volumes, translation),
  );
  const others = (service.volumes_from ?? []).flatMap((from) => mountsFrom(from, place, volumes, translation));
  // The same place twice: what the service says itself counts.
  const free = others.filter(({ mountPath }) => !own.some((each) => each.mountPath === mountPath));
  return [...own, ...free, ...temporary(service, place, volumes, translation)];
}

function mountsFrom(from: string, place: string, volumes: PodVolumes, translation: Translation): VolumeMount[] {
  const [name = '', mode] = from.split(':');
  if (name === 'container') {
    translation.note(`${place}.volumes_from`, `${from} is a container outside of the application: not carried over`);
    return [];
  }
  const { volumes: mounts = [] } = translation.service(name);
  return mounts.flatMap((mount) => {
    const seen = mount.type === 'volume' && mount.source === undefined ? undefined : mount;
    if (seen !== undefined)
      return mountOf({ ...seen, ...(mode === 'ro' && { read_only: true }) }, place, volumes, translation);
    translation.note(
      `${place}.volumes_from`,
      `the volume without a name at ${mount.target} of ${name} cannot be shared: give it a name`,
    );
    return [];
  });
}

function mountOf(mount: Mount, place: string, volumes: PodVolumes, translation: Translation): VolumeMount[] {
  const found = sourceOf(mount, place, volumes, translation);
  if (found === undefined) return [];
  const isReadOnly = isOn(mount.read_only);
  return [
    {
      name: found.name,
      mountPath: mount.target,
      ...(isReadOnly && { readOnly: true }),
      ...(isReadOnly && mount.bind?.recursive === 'readonly' && { recursiveReadOnly: 'Enabled' }),
      ...(found.subPath !== undefined && { subPath: found.subPath }),
      ...(found.propagation !== undefined && { mountPropagation: found.propagation }),
    },
  ];
}

interface Source {
  readonly name: string;
  readonly subPath?: string | undefined;
  readonly propagation?: NonNullable<VolumeMount['mountPropagation']>;
}

function sourceOf(mount: Mount, place: string, volumes: PodVolumes, translation: Translation): Source | undefined {
  switch (mount.type) {
    case 'bind':
      return bind(mount, place, volumes, translation);
    case 'tmpfs': {
      const size = memory(mount.tmpfs?.size, translation.where(`${place}.tmpfs.size`));
      return { name: volumes.add('tmpfs', inMemory(size), false) };
    }
    case 'image':
      return {
        name: volumes.add('image', { image: { reference: mount.source ?? '' } }),
        subPath: mount.image?.subpath,
      };
    case 'volume':
      return named(mount, place, volumes, translation);
    case 'cluster':
    case 'npipe':
      translation.note(place, `volumes of type ${mount.type} are not carried over`);
      return undefined;
  }
}

const inMemory = (sizeLimit: string | undefined): Omit<Volume, 'name'> => ({
  emptyDir: { medium: 'Memory', ...(sizeLimit && { sizeLimit }) },
});

function named(mount: Mount, place: string, volumes: PodVolumes, translation: Translation): Source {
  const { source } = mount;
  if (source === undefined) {
    translation.note(
      place,
      `the volume at ${mount.target} has no name: it begins empty with every new pod; a name makes it last`,
    );
    return { name: volumes.add('scratch', { emptyDir: {} }, false) };
  }
  const volume = translation.project.volumes.get(source) ?? {};
  const subPath = mount.volume?.subpath;
  const bound = isBound(volume);
  if (bound !== undefined) return { ...hostPath(bound, true, `volumes.${source}`, volumes, translation), subPath };
  if (volume.driver_opts?.['type'] === 'tmpfs') return { name: volumes.add(source, inMemory(undefined)), subPath };
  const claim = { persistentVolumeClaim: { claimName: claimNameOf(source, volume, translation) } };
  return { name: volumes.add(source, claim), subPath };
}

const propagations: Readonly<Record<string, NonNullable<VolumeMount['mountPropagation']>>> = {
  shared: 'Bidirectional',
  rshared: 'Bidirectional',
  slave: 'HostToContainer',
  rslave: 'HostToContainer',
};

function bind(mount: Mount, place: string, volumes: PodVolumes, translation: Translation): Source {
  const { source = '/', bind: options = {} } = mount;
  if (options.recursive === 'disabled' || options.recursive === 'writable') {
    translation.note(
      `${place}.bind.recursive`,
      `${options.recursive} is not carried over: what is mounted below the path is seen, too`,
    );
  }
  const creates = options.create_host_path === undefined || isOn(options.create_host_path);
  const propagation = propagations[options.propagation ?? ''];
  return { ...hostPath(source, creates, place, volumes, translation), ...(propagation && { propagation }) };
}

function hostPath(
  path: string,
  creates: boolean,
  place: string,
  volumes: PodVolumes,
  translation: Translation,
): Source {
  const kind = translation.surroundings.kinds.get(path);
  const types = { file: 'File', folder: 'Directory', other: undefined } as const;
  const type = kind === undefined ? (creates ? 'DirectoryOrCreate' : 'Directory') : types[kind];
  if (path.endsWith('/docker.sock')) {
    translation.note(place, `${path}: there is no Docker here; a ServiceAccount is the way to the cluster's API`);
  } else {
    translation.note(
      place,
      `${translation.relative(path)} is a path of this machine: a pod on another node finds what that one has there`,
    );
  }
  return { name: volumes.add('bind', { hostPath: { path, ...(type && { type }) } }) };
}

function temporary(service: Service, place: string, volumes: PodVolumes, translation: Translation): VolumeMount[] {
  const mounts = (service.tmpfs ?? []).map((text): VolumeMount => {
    const [mountPath = text, options = ''] = text.split(':');
    const words = options.split(',').filter((word) => word !== '');
    const size = words.find((word) => word.startsWith('size='))?.slice('size='.length);
    const rest = words.filter((word) => !word.startsWith('size=') && word !== 'ro' && word !== 'rw');
    if (rest.length > 0)
      translation.note(`${place}.tmpfs`, `${rest.join(',')} is not carried over: an emptyDir has no mount options`);
    const source = inMemory(memory(size, translation.where(`${place}.tmpfs`)));
    return { name: volumes.add('tmpfs', source, false), mountPath, ...(words.includes('ro') && { readOnly: true }) };
  });
  const shared = memory(service.shm_size, translation.where(`${place}.shm_size`));
  if (shared === undefined) return mounts;
  return [...mounts, { name: volumes.add('shm', inMemory(shared), false), mountPath: '/dev/shm' }];
}
