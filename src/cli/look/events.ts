/** `naru events`: what happened, oldest first, for a namespace, for all, or for one object; `-w` goes on. */
import process from 'node:process';
import type { Event } from '../../api/schema/types/core-v1.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { parseObjectWords } from '../cluster/object-names.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { UsageError } from '../exit-code.ts';
import { TableWriter } from '../terminal/table.ts';
import { showsColours } from '../terminal/terminal.ts';
import { eventAge, lastSeen } from './describe/describe-object.ts';
import { asDocument, complete, jsonText, yamlText } from './documents.ts';
import { follow } from './follow.ts';
import { cellText } from './table-layout.ts';
import { pages } from './tables.ts';

export interface EventsOptions extends ConnectionOptions {
  readonly allNamespaces?: boolean;
  readonly for?: string;
  readonly types?: string;
  readonly watch?: boolean;
  readonly output?: string;
  /** `--no-headers`. */
  readonly headers?: boolean;
}

interface EventPage {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
  readonly items?: readonly Event[] | null;
}

export async function events(home: Home, options: EventsOptions): Promise<void> {
  const { output } = options;
  if (output !== undefined && output !== 'json' && output !== 'yaml') {
    throw new UsageError(`there is no output format "${output}"; there are json and yaml`);
  }
  await withApi(home, options, (connection) => show(connection, options));
}

async function show(connection: Connection, options: EventsOptions): Promise<void> {
  const request = await requestOf(connection, options);
  const found: Event[] = [];
  let resourceVersion = '';
  for await (const page of pages<EventPage>(connection.client, { ...request, chunkSize: 500 }, 'application/json')) {
    found.push(...(page.items ?? []));
    resourceVersion = page.metadata?.resourceVersion ?? resourceVersion;
  }
  const wanted = wantedTypes(options.types);
  const shown = found.filter(wanted).toSorted((a, b) => (lastSeen(a) < lastSeen(b) ? -1 : 1));
  if (options.output !== undefined && options.watch !== true) {
    const document = asDocument(
      shown.map((event) => complete(event, 'v1', 'Event', false)),
      false,
    );
    process.stdout.write(options.output === 'json' ? jsonText(document) : await yamlText(document));
    return;
  }
  const print = printerOf(connection, options);
  print(shown);
  if (shown.length === 0 && options.watch !== true) {
    const where = options.allNamespaces === true ? '' : ` in ${connection.namespace} namespace`;
    process.stderr.write(`No events found${where}.\n`);
  }
  if (options.watch !== true) return;
  await follow(connection, { ...request, accept: 'application/json', resourceVersion }, ({ type, object }) => {
    const event = object as unknown as Event;
    if (type !== 'DELETED' && wanted(event)) print([event]);
  });
}

type Request = { readonly path: string; readonly parameters: Readonly<Record<string, string | undefined>> };

/** @throws UserError where the cluster has no such type */
async function requestOf({ client, namespace }: Connection, options: EventsOptions): Promise<Request> {
  const path = options.allNamespaces === true ? '/api/v1/events' : `/api/v1/namespaces/${namespace}/events`;
  if (options.for === undefined) return { path, parameters: {} };
  const words = parseObjectWords([options.for]);
  const [only] = words.kind === 'objects' ? words.objects : [];
  if (only === undefined) throw new UsageError(`--for takes one object, as TYPE/NAME: --for pod/web-1`);
  const { kind, namespaced } = await new ResourceFinder(client).byName(only.type);
  const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${only.name}`;
  // Events of what stands outside namespaces stand in `default`.
  return { path: namespaced ? path : '/api/v1/events', parameters: { fieldSelector } };
}

function wantedTypes(text: string | undefined): (event: Event) => boolean {
  if (text === undefined) return () => true;
  const types = text.split(',').map((type) => type.trim().toLowerCase());
  const unknown = types.find((type) => type !== 'normal' && type !== 'warning');
  if (unknown !== undefined) throw new UsageError(`--types takes Normal and Warning, and not "${unknown}"`);
  return ({ type = '' }) => types.includes(type.toLowerCase());
}

function printerOf({ clock }: Connection, options: EventsOptions): (events: readonly Event[]) => void {
  const withNamespace = options.allNamespaces === true;
  const columns = [...(withNamespace ? ['NAMESPACE'] : []), 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];
  const writer = new TableWriter(columns, { header: options.headers !== false, coloured: showsColours() });
  return (list) => {
    if (list.length === 0) return;
    const rows = list.map((event) => [
      ...(withNamespace ? [event.metadata?.namespace ?? ''] : []),
      eventAge(event, clock.now()),
      event.type ?? '',
      event.reason ?? '',
      `${event.involvedObject.kind ?? ''}/${event.involvedObject.name ?? ''}`,
      cellText((event.message ?? '').trim()),
    ]);
    process.stdout.write(`${writer.lines(rows.map((row) => row.map(cellText))).join('\n')}\n`);
  };
}
