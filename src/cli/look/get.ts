/** `naru get`: objects as the server's tables, as documents, or as a template makes them; once, or as they change. */
import process from 'node:process';
import type { JsonObject } from '../../api/object.ts';
import { hasReason, StatusError } from '../../api/status-error.ts';
import type { Home } from '../../home.ts';
import { type Connection, withApi } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';
import { ExitError, exitCodes, UsageError } from '../exit-code.ts';
import { TableWriter } from '../terminal/table.ts';
import { showsColours } from '../terminal/terminal.ts';
import { describeError, UserError } from '../user-error.ts';
import { asDocument, complete, jsonText, yamlText } from './documents.ts';
import { type GetOptions, type Output, outputOf } from './get-options.ts';
import { jsonPathExpression } from './json-path.ts';
import { type ObjectRequest, requestPath, requestsOf, requestsOfManifests, typeName } from './requests.ts';
import { sortedBy } from './sort-by.ts';
import { type LayoutOptions, layoutOf } from './table-layout.ts';
import { fetchTable, type ObjectTable, type PageMetadata, pages, type TableQuery } from './tables.ts';

/** Metrics and logs are no JSON. Joined, since as one text it looks like the beginning of a comment to what reads sources. */
const anything = ['*', '*'].join('/');

const out = (text: string): void => void process.stdout.write(text);

export async function get(home: Home, words: readonly string[], options: GetOptions): Promise<void> {
  const output = outputOf(options.output);
  const { raw, sortBy } = options;
  if (raw?.startsWith('/') === false) throw new UsageError(`--raw takes a path such as /version, and got ${raw}`);
  if (sortBy !== undefined) jsonPathExpression(sortBy);
  await withApi(home, options, async (connection) => {
    if (raw !== undefined) out(await rawAnswer(connection, raw));
    else await getObjects(connection, words, output, options);
  });
}

async function rawAnswer({ client }: Connection, path: string): Promise<string> {
  try {
    return (await client.request({ path, accept: anything })).body.toString();
  } catch (error) {
    if (error instanceof StatusError && error.code === 404) throw new UserError(`the server has nothing at ${path}`);
    throw error;
  }
}

async function getObjects(
  connection: Connection,
  words: readonly string[],
  output: Output,
  options: GetOptions,
): Promise<void> {
  const requests = await findRequests(connection, words, options);
  if (options.watch === true || options.watchOnly === true) {
    const { watch } = await import('./get-watch.ts');
    await watch(connection, requests, output, options);
    return;
  }
  const fetched = await Promise.all(requests.map((request) => settle(fetch(connection, request, output, options))));
  const found = fetched.flatMap((result) => (result.ok ? [result.value] : []));
  const errors = fetched.flatMap((result) => (result.ok ? [] : [result.error]));
  const failures = errors.filter((error) => !(options.ignoreNotFound === true && hasReason(error, 'NotFound')));
  // One failure alone is this command's own.
  if (found.length === 0 && failures.length === 1) throw failures[0];
  await print(found, requests, output, options);
  const isEmpty = found.every(({ table, objects }) => (table?.rows ?? objects ?? []).length === 0);
  if (
    isEmpty &&
    errors.length === 0 &&
    options.ignoreNotFound !== true &&
    output.kind !== 'json' &&
    output.kind !== 'yaml'
  ) {
    process.stderr.write(`${nothingFound(connection, requests, options)}\n`);
  }
  for (const error of failures) process.stderr.write(`naru: ${describeError(error, false)}\n`);
  if (failures.length > 0) throw new ExitError(exitCodes.failed);
}

async function findRequests(
  connection: Connection,
  words: readonly string[],
  options: GetOptions,
): Promise<ObjectRequest[]> {
  const finder = new ResourceFinder(connection.client);
  const { namespace } = connection;
  if (options.filename !== undefined) {
    if (words.length > 0) throw new UsageError('either files (-f) or names can be given');
    const { loadManifests } = await import('../../manifests/load.ts');
    const objects = await loadManifests(options.filename, { standardInput });
    return requestsOfManifests(
      finder,
      objects.map(({ object }) => object),
      namespace,
    );
  }
  if (words.length === 0) {
    throw new UsageError(
      'say what to get: naru get pods, naru get deploy/web, naru get all (naru api-resources lists all types)',
    );
  }
  return requestsOf(finder, words, { ...options, namespace });
}

async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What one request gave: rows, or whole objects where the output is made of them. */
export interface Fetched {
  readonly request: ObjectRequest;
  readonly table?: ObjectTable;
  readonly objects?: readonly JsonObject[];
}

async function fetch(
  connection: Connection,
  request: ObjectRequest,
  output: Output,
  options: GetOptions,
): Promise<Fetched> {
  const query = queryOf(request, options);
  if (output.kind === 'table' || output.kind === 'name') {
    return { request, table: await fetchTable(connection.client, query, connection.clock.now()) };
  }
  const objects: JsonObject[] = [];
  const { group, version, kind } = request.resource;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  for await (const page of pages<JsonObject & PageMetadata>(connection.client, query, 'application/json')) {
    const items = request.name === '' ? ((page['items'] ?? []) as JsonObject[]) : [page];
    for (const item of items) objects.push(complete(item, apiVersion, kind, options.showManagedFields === true));
  }
  return { request, objects };
}

/** Sorting a table needs the objects behind its rows. */
export function queryOf(request: ObjectRequest, options: GetOptions): TableQuery {
  const isList = request.name === '';
  return {
    path: requestPath(request, isList ? '' : options.subresource),
    parameters: isList
      ? {
          labelSelector: options.selector,
          fieldSelector: options.fieldSelector,
          includeObject: options.sortBy === undefined ? undefined : 'Object',
        }
      : {},
    chunkSize: isList ? (options.chunkSize ?? 500) : 0,
  };
}

async function print(
  found: readonly Fetched[],
  requests: readonly ObjectRequest[],
  output: Output,
  options: GetOptions,
): Promise<void> {
  if (output.kind === 'table') {
    printTables(found, requests, output, options);
    return;
  }
  if (output.kind === 'name') {
    for (const { request, table } of found) {
      for (const row of sortRows(table?.rows ?? [], options))
        out(`${typeName(request.resource)}/${row.object.metadata?.name ?? ''}\n`);
    }
    return;
  }
  const objects = sortObjects(
    found.flatMap((each) => each.objects ?? []),
    options,
  );
  const isOne = requests.length === 1 && requests[0]?.name !== '';
  if (isOne && objects.length === 0) return;
  out(await documentText(objects, isOne, output));
}

async function documentText(
  objects: readonly JsonObject[],
  isOne: boolean,
  output: Exclude<Output, { readonly kind: 'table' } | { readonly kind: 'name' }>,
): Promise<string> {
  const document = asDocument(objects, isOne);
  switch (output.kind) {
    case 'json':
      return jsonText(document);
    case 'yaml':
      return yamlText(document);
    case 'template':
      return output.render(document);
    case 'columns': {
      const writer = new TableWriter(output.columns.names, { header: true, coloured: showsColours() });
      return `${writer.lines(objects.map((object) => output.columns.cells(object))).join('\n')}\n`;
    }
  }
}

/** Rows of the same type and columns stand in one table; a blank line parts it from the next. */
function printTables(
  found: readonly Fetched[],
  requests: readonly ObjectRequest[],
  output: Output,
  options: GetOptions,
): void {
  const groups: { readonly request: ObjectRequest; readonly table: ObjectTable }[] = [];
  for (const { request, table } of found) {
    if (table === undefined || table.rows.length === 0) continue;
    const last = groups.at(-1);
    if (last?.request.resource === request.resource) {
      groups[groups.length - 1] = { request, table: { ...table, rows: [...last.table.rows, ...table.rows] } };
    } else groups.push({ request, table });
  }
  groups.forEach(({ request, table }, index) => {
    const layout = layoutOf(table.columns, layoutOptions(request, requests, output, options));
    const writer = new TableWriter(layout.columns, { header: options.headers !== false, coloured: showsColours() });
    const rows = sortRows(table.rows, options).map((row) => layout.cells(row));
    out(`${index > 0 ? '\n' : ''}${writer.lines(rows).join('\n')}\n`);
  });
}

export function layoutOptions(
  request: ObjectRequest,
  requests: readonly ObjectRequest[],
  output: Output,
  options: GetOptions,
): LayoutOptions {
  const areMixed = new Set(requests.map(({ resource }) => resource)).size > 1;
  return {
    wide: output.kind === 'table' && output.wide,
    withNamespace: options.allNamespaces === true && request.resource.namespaced,
    prefix: areMixed || options.showKind === true ? `${typeName(request.resource)}/` : '',
    showLabels: options.showLabels === true,
    labelColumns: (options.labelColumns ?? []).flatMap((text) => text.split(',')),
  };
}

const sortRows = (rows: ObjectTable['rows'], { sortBy }: GetOptions): ObjectTable['rows'] =>
  sortBy === undefined ? rows : sortedBy(sortBy, rows, ({ object }) => object);

const sortObjects = (objects: readonly JsonObject[], { sortBy }: GetOptions): readonly JsonObject[] =>
  sortBy === undefined ? objects : sortedBy(sortBy, objects, (object) => object);

function nothingFound({ namespace }: Connection, requests: readonly ObjectRequest[], options: GetOptions): string {
  const isNamespaced = options.allNamespaces !== true && requests.some(({ resource }) => resource.namespaced);
  return isNamespaced ? `No resources found in ${namespace} namespace.` : 'No resources found';
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

async function settle<T>(promise: Promise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    return { ok: false, error };
  }
}
