/**
 * The cluster's names on disk, so that an agent that starts while the server is away can answer: as much of each object as the DNS reads, whole or not at
 * all, nobody else's to read, and written some time after a change, not at every one.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { eventLoopTurn } from '../../lib/clock.ts';
import type { Zone } from './zone.ts';

const version = 1;
/** The largest cluster takes a quarter of it. */
const fileBytesMax = 128 * 2 ** 20;
/** Lines that are made in one turn of the event loop. */
const linesAtOnce = 500;

/** A line of the file, after the first. */
type Line =
  | { readonly service: Service }
  | { readonly slice: EndpointSlice }
  | { readonly namespace: string }
  | { readonly networks: readonly string[] };

export interface Snapshot {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly namespaces: readonly string[];
  readonly networks: readonly string[];
}

export async function writeSnapshot(file: string, zone: Zone, networks: readonly string[]): Promise<void> {
  const beside = `${file}.new`;
  await fs.mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const handle = await fs.open(beside, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ version })}\n`);
    let text = '';
    let lines = 0;
    for (const line of linesOf(zone, networks)) {
      text += `${JSON.stringify(line)}\n`;
      if (++lines % linesAtOnce !== 0) continue;
      await handle.writeFile(text);
      text = '';
      await eventLoopTurn();
    }
    await handle.writeFile(`${text}"end"\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await fs.rename(beside, file);
}

/** The zone may change between two lines: each line is true when it is written, and the next snapshot has the rest. */
function* linesOf(zone: Zone, networks: readonly string[]): Iterable<Line> {
  yield { networks };
  for (const namespace of zone.namespaces) yield { namespace };
  for (const service of zone.services) yield { service: trimmedService(service) };
  for (const slice of zone.everySlice()) yield { slice: trimmedSlice(slice) };
}

function trimmedService({ metadata, spec = {} }: Service): Service {
  const { type, clusterIP, clusterIPs, externalName, publishNotReadyAddresses, ports = [] } = spec;
  const fields = { type, clusterIP, clusterIPs, externalName, publishNotReadyAddresses };
  return {
    metadata: named(metadata),
    spec: {
      ...(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as typeof spec),
      ports: ports.map(({ name = '', protocol = 'TCP', port }) => ({ name, protocol, port })),
    },
  };
}

function trimmedSlice({ metadata, addressType, endpoints = [], ports = [] }: EndpointSlice): EndpointSlice {
  return {
    metadata: { ...named(metadata), labels: metadata?.labels ?? {} },
    addressType,
    endpoints: endpoints.map(({ addresses, conditions, hostname }) => ({
      addresses,
      ...(conditions?.ready === false && { conditions: { ready: false } }),
      ...(hostname !== undefined && { hostname }),
    })),
    ports,
  };
}

function named(metadata: Service['metadata']): NonNullable<Service['metadata']> {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
}

/** Undefined where there is none. @throws Error where there is one that cannot be used, with the reason */
export async function readSnapshot(file: string): Promise<Snapshot | undefined> {
  const text = await textOf(file);
  if (text === undefined) return undefined;
  const lines = text.split('\n').filter((line) => line !== '');
  const [head, ...rest] = lines.map((line) => JSON.parse(line) as unknown);
  if ((head as { version?: unknown } | undefined)?.version !== version)
    throw new Error(`${file} is not of version ${version}`);
  if (rest.pop() !== 'end') throw new Error(`${file} has no end`);
  const some = rest as readonly Line[];
  return {
    services: some.flatMap((line) => ('service' in line ? line.service : [])),
    slices: some.flatMap((line) => ('slice' in line ? line.slice : [])),
    namespaces: some.flatMap((line) => ('namespace' in line ? line.namespace : [])),
    networks: some.flatMap((line) => ('networks' in line ? line.networks : [])),
  };
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    const { size } = await fs.stat(file);
    if (size > fileBytesMax) throw new Error(`${file} has ${size} bytes; at most ${fileBytesMax} are read`);
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
