/** `naru get -w`: what there is, then each change as it comes, as rows of the same table or as documents. */
import process from 'node:process';
import type { JsonObject } from '../../api/object.ts';
import type { Table } from '../../api/schema/types/meta-v1.ts';
import type { Connection } from '../cluster/connection.ts';
import { UsageError } from '../exit-code.ts';
import { TableWriter } from '../terminal/table.ts';
import { showsColours } from '../terminal/terminal.ts';
import { complete, jsonText, yamlText } from './documents.ts';
import { follow } from './follow.ts';
import { layoutOptions, queryOf } from './get.ts';
import type { GetOptions, Output } from './get-options.ts';
import { type ObjectRequest, typeName } from './requests.ts';
import { layoutOf } from './table-layout.ts';
import { acceptTable, fetchTable, type ObjectTable, type PageMetadata, tableOf } from './tables.ts';

/** Shows one row, with what happened to it. */
type Show = (table: ObjectTable, event: string) => void;

/** @throws UsageError for more than one type: they would be no table */
export async function watch(
  connection: Connection,
  requests: readonly ObjectRequest[],
  output: Output,
  options: GetOptions,
): Promise<void> {
  const [request] = requests;
  if (request === undefined || requests.length > 1) {
    throw new UsageError('one type, or one object, can be watched at a time: naru get pods -w');
  }
  const query = queryOf({ ...request, name: '' }, options);
  const named = request.name === '' ? undefined : `metadata.name=${request.name}`;
  const parameters = {
    ...query.parameters,
    fieldSelector: options.fieldSelector ?? named,
    ...(output.kind !== 'table' && { includeObject: 'Object' }),
  };
  const show =
    output.kind === 'table' ? rowsShown(request, output, options) : await documentsShown(request, output, options);
  let isFirst = true;
  for (;;) {
    const table = await fetchTable(connection.client, { ...query, parameters }, connection.clock.now());
    if (isFirst && options.watchOnly !== true) show(table, 'ADDED');
    isFirst = false;
    const end = await follow(
      connection,
      { path: query.path, parameters, accept: acceptTable, resourceVersion: table.resourceVersion },
      ({ type, object }) => show(rowsOf(object, connection), type),
    );
    if (end === 'ended') return;
  }
}

const rowsOf = (object: JsonObject, { clock }: Connection): ObjectTable =>
  tableOf(object as unknown as Table & PageMetadata, clock.now());

/** A watch's first event alone says the columns. */
function rowsShown(request: ObjectRequest, output: Output, options: GetOptions): Show {
  let writer: TableWriter | undefined;
  let layout: ReturnType<typeof layoutOf> | undefined;
  const withEvent = options.outputWatchEvents === true;
  return (table, event) => {
    if (table.rows.length === 0) return;
    layout ??= layoutOf(table.columns, { ...layoutOptions(request, [request], output, options), withEvent });
    writer ??= new TableWriter(layout.columns, { header: options.headers !== false, coloured: showsColours() });
    const { cells } = layout;
    process.stdout.write(`${writer.lines(table.rows.map((row) => cells(row, event))).join('\n')}\n`);
  };
}

async function documentsShown({ resource }: ObjectRequest, output: Output, options: GetOptions): Promise<Show> {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  const columns = output.kind === 'columns' ? output.columns : undefined;
  const writer = columns && new TableWriter(columns.names, { header: options.headers !== false });
  // One after the other, in the order of the events.
  let last = Promise.resolve();
  const text = async (object: JsonObject): Promise<string> => {
    if (output.kind === 'name') return `${typeName(resource)}/${nameOf(object)}\n`;
    if (output.kind === 'yaml') return `---\n${await yamlText(object)}`;
    if (output.kind === 'template') return output.render(object);
    if (columns !== undefined && writer !== undefined) return `${writer.lines([columns.cells(object)]).join('\n')}\n`;
    return jsonText(object);
  };
  return (table, event) => {
    for (const row of table.rows) {
      const object = complete(row.object, apiVersion, resource.kind, options.showManagedFields === true);
      const shown = options.outputWatchEvents === true && output.kind !== 'name' ? { type: event, object } : object;
      last = last.then(async () => void process.stdout.write(await text(shown)));
    }
  };
}

const nameOf = (object: JsonObject): string => (object['metadata'] as { name?: string } | undefined)?.name ?? '';
