/** PostgreSQL as a StatefulSet: made by an init container, on a read-only root, and its data whole after every kind of end. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import { containerProcesses } from '../containers.ts';
import { create, isReady, type Manifest, statusOf } from '../workload.ts';
import { claimOfDisk, deleteAndSeeEnd, diskFor, kubectl, type Lab, readyPod } from './lab.ts';

const password = 'pass-for-postgres';

const secret: Manifest = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'postgres' },
  stringData: { password },
};

const initialize = `
set -e
[ -s "$PGDATA/PG_VERSION" ] && exit 0
initdb --username=postgres --auth-local=trust --auth-host=scram-sha-256 --pwfile=/secret/password --no-sync
echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
`;

const securityContext = {
  readOnlyRootFilesystem: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
};

const common = {
  image: 'test/postgres:15',
  env: [{ name: 'PGDATA', value: '/data/pg' }],
  securityContext,
  resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
};

const data = { name: 'data', mountPath: '/data' };
const tmp = { name: 'tmp', mountPath: '/tmp' };

const statefulSet: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'postgres' },
  spec: {
    serviceName: 'postgres',
    replicas: 1,
    selector: { matchLabels: { app: 'postgres' } },
    template: {
      metadata: { labels: { app: 'postgres' } },
      spec: {
        // Its folder must stay its own alone: once the disk has the group, its files are left as they are.
        securityContext: { runAsNonRoot: true, fsGroup: 999, fsGroupChangePolicy: 'OnRootMismatch' },
        initContainers: [
          {
            ...common,
            name: 'initdb',
            command: ['/bin/sh', '-c', initialize],
            volumeMounts: [data, tmp, { name: 'secret', mountPath: '/secret' }],
          },
        ],
        containers: [
          {
            ...common,
            name: 'postgres',
            args: ['-c', 'listen_addresses=*'],
            ports: [{ name: 'sql', containerPort: 5432 }],
            readinessProbe: { exec: { command: ['pg_isready', '-q'] }, periodSeconds: 2, timeoutSeconds: 10 },
            volumeMounts: [
              data,
              tmp,
              { name: 'run', mountPath: '/var/run/postgresql' },
              { name: 'shm', mountPath: '/dev/shm' },
            ],
          },
        ],
        volumes: [
          { name: 'tmp', emptyDir: {} },
          { name: 'run', emptyDir: {} },
          { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '128Mi' } },
          { name: 'secret', secret: { secretName: 'postgres' } },
        ],
      },
    },
    volumeClaimTemplates: [claimOfDisk],
  },
};

export function postgresTests(lab: () => Lab): void {
  const name = 'postgres-0';
  const sql = async (text: string): Promise<string> =>
    (await kubectl(lab(), 'exec', name, '-c', 'postgres', '--', 'psql', '-AtqX', '-c', text)).trim();
  const logs = (): Promise<string> => kubectl(lab(), 'logs', name, '-c', 'postgres');

  test('an init container makes its data, and it answers SQL, with a password over the network', async () => {
    mkdirSync(`${lab().disks}/postgres`, { mode: 0o755 });
    await create(lab().cluster, secret, diskFor(lab(), 'postgres'), statefulSet);
    const pod = await readyPod(lab(), 'postgres');
    assert.equal(statusOf(pod, 'initdb')?.state?.terminated?.reason, 'Completed');
    await sql('create table notes (text text)');
    await sql("insert into notes values ('kept')");
    assert.equal(await sql('select text from notes'), 'kept');
    const url = (word: string): string => `postgresql://postgres:${word}@${pod.status?.podIP}/postgres`;
    const psql = ['exec', name, '-c', 'postgres', '--', 'psql', '-AtqX', '-c', 'select count(*) from notes'];
    assert.equal(await kubectl(lab(), ...psql, url(password)), '1\n');
    const refused = await lab().cluster.kubectl([...psql, url('another')]);
    assert.match(refused.stderr, /password authentication failed/);
    assert.notEqual(refused.code, 0);
  });

  test('a dump goes in by standard input, and comes out the same', async () => {
    const rows = Array.from({ length: 50_000 }, (_, row) => `${row}\ttext of row ${row}\n`).join('');
    const copy = `create table rows (id int primary key, text text);\ncopy rows from stdin;\n${rows}\\.\n`;
    const psql = ['exec', '-i', name, '-c', 'postgres', '--', 'psql', '-qX', '-v', 'ON_ERROR_STOP=1'];
    const { code, stderr } = await lab().cluster.kubectl(psql, { input: copy });
    assert.equal(code, 0, stderr);
    const dumped = await sql('copy (select * from rows order by id) to stdout');
    assert.ok(`${dumped}\n` === rows, `${dumped.length} characters of ${rows.length} came back`);
  });

  test('it writes only where it may: its disk, its run folder, its shared memory of 128 MiB', async () => {
    const look =
      'id -un; id -G; touch /x 2>&1; df -m /dev/shm | tail -1; stat -c "%a %U" /data/pg; ls /dev/shm | head -1';
    const text = await kubectl(lab(), 'exec', name, '-c', 'postgres', '--', '/bin/sh', '-c', look);
    assert.match(
      text,
      /^postgres\n999\ntouch: \/x: Read-only file system\n\S+ +128 .* \/dev\/shm\n2700 postgres\nPostgreSQL\.\d+\n$/,
    );
  });

  test('killed in the middle, it recovers by itself in the same pod', async () => {
    const old = await readyPod(lab(), 'postgres');
    const [postmaster] = containerProcesses(old.metadata?.uid ?? '');
    assert.ok(postmaster !== undefined);
    process.kill(postmaster, 'SIGKILL');
    const recovered = await lab().watch.until(
      name,
      'it was started again',
      (pod) => statusOf(pod, 'postgres')?.restartCount === 1 && isReady(pod),
    );
    assert.equal(recovered.metadata?.uid, old.metadata?.uid);
    const { exitCode, reason } = statusOf(recovered, 'postgres')?.lastState?.terminated ?? {};
    assert.deepEqual({ exitCode, reason }, { exitCode: 137, reason: 'Error' });
    assert.equal(await sql('select text from notes'), 'kept');
    assert.match(await logs(), /was not properly shut down; automatic recovery in progress/);
  });

  test('told to end, it ends fast and clean: the next pod finds nothing to recover', async () => {
    const old = await readyPod(lab(), 'postgres');
    const following = lab().cluster.stream('logs', '-f', name, '-c', 'postgres');
    const { exitCode, reason } = await deleteAndSeeEnd(lab(), name);
    assert.deepEqual({ exitCode, reason }, { exitCode: 0, reason: 'Completed' });
    await readyPod(lab(), 'postgres', [old]);
    following.child.kill();
    assert.match(following.text(), /received fast shutdown request[^]*database system is shut down\n/);
    assert.match(await logs(), /database system was shut down at/);
    assert.doesNotMatch(await logs(), /recovery/);
    assert.equal(await sql('select text from notes'), 'kept');
  });
}
