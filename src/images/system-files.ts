/** What nearly every program expects of a system: accounts, where names are looked up, certificate authorities. */
import { readFile } from 'node:fs/promises';
import { addFile, type ImageRoot, isFile } from './image-root.ts';

const caBundle = '/etc/ssl/certs/ca-certificates.crt';

export interface SystemFiles {
  /** `UID[:GID]`, or the name of a user of this machine. */
  readonly user?: string;
  readonly caCertificates?: boolean;
}

/** To be called last: only what is not there yet is added. @throws Error where the user or the authorities are not there */
export async function addSystemFiles(root: ImageRoot, options: SystemFiles): Promise<void> {
  const { passwd, group } = await accounts(options.user);
  const text = (path: string, content: string): void => {
    root.add(path, { type: 'file', mode: 0o644, content: Buffer.from(content) });
  };
  text('/etc/passwd', passwd);
  text('/etc/group', group);
  text('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
  if (!options.caCertificates) return;
  if (!(await isFile(caBundle))) throw new Error(`this machine has no certificate authorities (${caBundle})`);
  await addFile(root, caBundle);
}

const basePasswd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n';
const baseGroup = 'root:x:0:\nnogroup:x:65534:\n';

async function accounts(user: string | undefined): Promise<{ passwd: string; group: string }> {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(user ?? '0') ?? [];
  if (uid !== undefined) {
    const known = uid === '0' || uid === '65534';
    return {
      passwd: basePasswd + (known ? '' : `user:x:${uid}:${gid ?? uid}:user:/:/bin/sh\n`),
      group: baseGroup + (known ? '' : `user:x:${gid ?? uid}:\n`),
    };
  }
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((each) => each.startsWith(`${user}:`));
  if (line === undefined) throw new Error(`this machine has no user ${user}; name a number instead`);
  const [name, , id, group] = line.split(':');
  const home = '/nonexistent';
  return {
    passwd: `${basePasswd}${name}:x:${id}:${group}:${name}:${home}:/bin/false\n`,
    group: `${baseGroup}${name}:x:${group}:\n`,
  };
}
