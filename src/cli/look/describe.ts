/** `naru describe`: an object in words, with what belongs to it and its events. */
import process from 'node:process';
import type { KubeObject } from '../../api/object.ts';
import type { Event } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { queryText } from '../../client/resource-path.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { ExitError, exitCodes, UsageError } from '../exit-code.ts';
import { describeError } from '../user-error.ts';
import type { Asker } from './describe/common.ts';
import { describeObject } from './describe/describe-object.ts';
import { type ObjectRequest, requestPath, requestsOf } from './requests.ts';
import { pages } from './tables.ts';

export interface DescribeOptions extends ConnectionOptions {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  /** `--no-events`. */
  readonly events?: boolean;
}

export async function describe(home: Home, words: readonly string[], options: DescribeOptions): Promise<void> {
  if (words.length === 0) throw new UsageError('say what to describe: naru describe pod/web-1, naru describe nodes');
  await withApi(home, options, async (connection) => {
    const requests = await requestsOf(new ResourceFinder(connection.client), words, {
      ...options,
      namespace: connection.namespace,
    });
    const found: KubeObject[] = [];
    const failures: unknown[] = [];
    for (const request of requests) {
      try {
        found.push(...(await objectsOf(connection, request, options)));
      } catch (error) {
        failures.push(error);
      }
    }
    if (found.length === 0 && failures.length === 1) throw failures[0];
    await print(connection, found, options.events !== false);
    if (found.length === 0 && failures.length === 0) process.stderr.write('No resources found\n');
    for (const error of failures) process.stderr.write(`naru: ${describeError(error, false)}\n`);
    if (failures.length > 0) throw new ExitError(exitCodes.failed);
  });
}

async function print(connection: Connection, objects: readonly KubeObject[], withEvents: boolean): Promise<void> {
  const ask = askerOf(connection);
  for (const [index, object] of objects.entries()) {
    const events = withEvents ? await eventsOf(object, ask) : [];
    process.stdout.write(`${index > 0 ? '\n\n' : ''}${await describeObject(object, events, ask)}`);
  }
}

interface PlainList {
  readonly metadata?: { readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

async function objectsOf(
  { client }: Connection,
  request: ObjectRequest,
  { selector }: DescribeOptions,
): Promise<KubeObject[]> {
  const { group, version, kind } = request.resource;
  const type = { apiVersion: group === '' ? version : `${group}/${version}`, kind };
  const path = requestPath(request);
  if (request.name !== '') {
    const { body } = await client.request({ path });
    return [{ ...type, ...(JSON.parse(body.toString()) as KubeObject) }];
  }
  const found: KubeObject[] = [];
  const query = { path, parameters: { labelSelector: selector }, chunkSize: 500 };
  for await (const page of pages<PlainList>(client, query, 'application/json')) {
    for (const item of page.items ?? []) found.push({ ...type, ...item });
  }
  return found;
}

/** An object's own uid says which events are its; a node's events name it by name, and so do some of controllers that are gone. */
function eventsOf({ metadata, kind = '' }: KubeObject, ask: Asker): Promise<readonly Event[]> {
  const { namespace, name = '', uid } = metadata ?? {};
  const fields = {
    'involvedObject.name': name,
    'involvedObject.kind': kind,
    ...(kind !== 'Node' && uid && { 'involvedObject.uid': uid }),
  };
  const fieldSelector = Object.entries(fields)
    .map(([field, value]) => `${field}=${value}`)
    .join(',');
  const path = namespace === undefined ? '/api/v1/events' : `/api/v1/namespaces/${namespace}/events`;
  return ask.list<Event>(path, { fieldSelector });
}

function askerOf({ client, clock }: Connection): Asker {
  return {
    nowMs: clock.now(),
    list: async <T extends KubeObject>(
      path: string,
      query: Readonly<Record<string, string>> = {},
    ): Promise<readonly T[]> => {
      try {
        const { body } = await client.request({ path: path + queryText(query) });
        return (JSON.parse(body.toString()) as { readonly items?: readonly T[] | null }).items ?? [];
      } catch (error) {
        if (hasReason(error, 'Forbidden') || hasReason(error, 'NotFound')) return [];
        throw error;
      }
    },
  };
}
