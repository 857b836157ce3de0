/** The images of the workloads, as data: which packages, what of them, and what a Dockerfile would say beside that. */
import path from 'node:path';
import process from 'node:process';
import type { Content, DebianImage } from './debian-image.ts';

const from = (name: string, ...paths: readonly string[]): Content[] =>
  paths.map((one) => ({ package: name, path: one }));

const words = (text: string): string[] => text.trim().split(/\s+/);

export const nginxImage: DebianImage = {
  name: 'test/nginx:1',
  user: { name: 'www-data', id: 33 },
  packages: ['libc6', 'libcrypt1', 'libpcre2-8-0', 'libssl3', 'zlib1g', 'nginx', 'nginx-common'],
  contents: [...from('nginx', 'usr/sbin/nginx'), ...from('nginx-common', 'etc/nginx/mime.types')],
  entrypoint: ['/usr/sbin/nginx', '-e', 'stderr', '-g', 'daemon off;'],
  stopSignal: 'SIGQUIT',
};

export const redisImage: DebianImage = {
  name: 'test/redis:1',
  user: { name: 'redis', id: 998 },
  packages: words(`
    libc6 libgcc-s1 libstdc++6 libatomic1 libjemalloc2 liblzf1 libssl3 libsystemd0 libcap2 libgcrypt20
    libgpg-error0 liblz4-1 liblzma5 libzstd1 liblua5.1-0 lua-cjson lua-bitop libhiredis0.14 redis-tools
  `),
  contents: [
    ...from('redis-tools', 'usr/bin/redis-cli'),
    // Debian's redis-server is a link to this: the program looks at the name under which it runs.
    { package: 'redis-tools', path: 'usr/bin/redis-check-rdb', target: '/usr/bin/redis-server' },
  ],
  entrypoint: ['/usr/bin/redis-server'],
};

const postgresPrograms = ['postgres', 'initdb', 'pg_ctl'].map((name) => `usr/lib/postgresql/15/bin/${name}`);
const postgresModules = ['plpgsql', 'dict_snowball'].map((name) => `usr/lib/postgresql/15/lib/${name}.so`);

export const postgresImage: DebianImage = {
  name: 'test/postgres:15',
  user: { name: 'postgres', id: 999 },
  packages: words(`
    libc6 libc-bin libgcc-s1 libstdc++6 libicu72 libssl3 zlib1g liblz4-1 libzstd1 liblzma5 libxml2 libxslt1.1
    libuuid1 libselinux1 libpcre2-8-0 libpam0g libaudit1 libcap-ng0 libcap2 libsystemd0 libgcrypt20 libgpg-error0
    libldap-2.5-0 libsasl2-2 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1
    libgnutls30 libp11-kit0 libidn2-0 libunistring2 libtasn1-6 libnettle8 libhogweed6 libgmp10 libffi8 libpq5
    libreadline8 libtinfo6 tzdata postgresql-15 postgresql-client-15
  `),
  contents: [
    ...from('postgresql-15', ...postgresPrograms, ...postgresModules, 'usr/share/postgresql/15'),
    ...from('postgresql-client-15', 'usr/lib/postgresql/15/bin/psql', 'usr/lib/postgresql/15/bin/pg_isready'),
    ...from('libc-bin', 'usr/lib/locale/C.utf8'),
    ...from('tzdata', 'usr/share/zoneinfo/Etc'),
  ],
  env: { PATH: '/usr/lib/postgresql/15/bin:/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'Etc/UTC', PGUSER: 'postgres' },
  entrypoint: ['postgres'],
  // A fast shutdown: clients are sent away, everything is written.
  stopSignal: 'SIGINT',
};

/** Node.js runs TypeScript as it is. */
export const webImage: DebianImage = {
  name: 'test/web:1',
  user: { name: 'node', id: 1000 },
  packages: ['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1'],
  contents: [
    { file: process.execPath, target: '/usr/bin/node' },
    { file: path.join(import.meta.dirname, 'web-server.ts'), target: '/app/web-server.ts' },
  ],
  workdir: '/app',
  entrypoint: ['node', 'web-server.ts'],
};
