/** The users of an image out of packages: root, nobody, and the one whom it is for. */
import type { ImageRoot } from '../../images/image-root.ts';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Debian's packages take the first free number below 1000 where they are installed; here it is always the same one. */
const systemUid = 999;

/** `redis`, `1000`, `1000:1000`; root where absent. @throws Error for anything else */
export function userOf(text: string | undefined): User {
  if (text === undefined || text === 'root') return { name: 'root', uid: 0, gid: 0 };
  const [, uid, gid] = /^(\d{1,9})(?::(\d{1,9}))?$/.exec(text) ?? [];
  if (uid !== undefined) return { name: uid === '0' ? 'root' : 'user', uid: Number(uid), gid: Number(gid ?? uid) };
  if (/^[a-z_][a-z0-9_-]{0,31}$/.test(text)) return { name: text, uid: systemUid, gid: systemUid };
  throw new Error(`user must be a name or a number such as 1000 or 1000:1000, and not ${text}`);
}

/** A file that a package brought stays. */
export function addAccounts(root: ImageRoot, { name, uid, gid }: User): void {
  const own = uid === 0 ? [] : [{ passwd: `${name}:x:${uid}:${gid}::/tmp:/bin/sh`, group: `${name}:x:${gid}:` }];
  const text = (lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`);
  const users = ['root:x:0:0::/root:/bin/sh', ...own.map(({ passwd }) => passwd), 'nobody:x:65534:65534::/:/bin/false'];
  const groups = ['root:x:0:', ...own.map(({ group }) => group), 'nogroup:x:65534:'];
  root.add('/etc/passwd', { type: 'file', mode: 0o644, content: text(users) });
  root.add('/etc/group', { type: 'file', mode: 0o644, content: text(groups) });
  const services = 'passwd: files\ngroup: files\nhosts: files dns\n';
  root.add('/etc/nsswitch.conf', { type: 'file', mode: 0o644, content: Buffer.from(services) });
}
