/**
 * Objects as the server's own tables (`as=Table`), so that every kind, custom ones too, shows the columns that its server knows. Long lists come in
 * pages. What answers with plain objects instead (some extension servers) gets a table of names and ages.
 */
import type { JsonObject, KubeObject } from '../../api/object.ts';
import type { Table, TableColumnDefinition } from '../../api/schema/types/meta-v1.ts';
import { ageSince } from '../../api/table/duration.ts';
import type { HttpsClient } from '../../client/https-client.ts';
import { queryText } from '../../client/resource-path.ts';

export const acceptTable =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';

export interface TableRow {
  readonly cells: readonly unknown[];
  /** Its metadata at least; the whole object where that was asked for. */
  readonly object: KubeObject & JsonObject;
}

export interface ObjectTable {
  readonly columns: readonly TableColumnDefinition[];
  readonly rows: readonly TableRow[];
  readonly resourceVersion: string;
}

export interface TableQuery {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string | undefined>>;
  /** Most objects in one answer; 0 for all at once. */
  readonly chunkSize: number;
}

type Requester = Pick<HttpsClient, 'request'>;

/** All pages of a list, one after the other, as the server sends them. */
export async function* pages<T extends PageMetadata>(
  client: Requester,
  { path, parameters, chunkSize }: TableQuery,
  accept: string,
): AsyncGenerator<T> {
  let next: string | undefined = '';
  while (next !== undefined) {
    const limit = chunkSize > 0 ? String(chunkSize) : undefined;
    const { body } = await client.request({
      path: path + queryText({ ...parameters, limit, continue: next || undefined }),
      accept,
    });
    const page = JSON.parse(body.toString()) as T;
    yield page;
    next = page.metadata?.continue || undefined;
  }
}

export interface PageMetadata {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

/** One object or a list of them. */
export async function fetchTable(client: Requester, query: TableQuery, nowMs: number): Promise<ObjectTable> {
  let table: ObjectTable | undefined;
  for await (const page of pages<Table & PageMetadata>(client, query, acceptTable)) {
    const part = tableOf(page, nowMs);
    table = table === undefined ? part : { ...table, rows: [...table.rows, ...part.rows] };
  }
  return table ?? { columns: [], rows: [], resourceVersion: '' };
}

/** The server's table, or one made of what it sent instead. */
export function tableOf(answer: Table & PageMetadata, nowMs: number): ObjectTable {
  const resourceVersion = answer.metadata?.resourceVersion ?? '';
  if (answer.kind !== 'Table') return plainTable(answer as unknown as KubeObject & JsonObject, resourceVersion, nowMs);
  const rows = (answer.rows ?? []).map(({ cells, object }) => ({
    cells,
    object: (object ?? {}) as TableRow['object'],
  }));
  return { columns: answer.columnDefinitions ?? [], rows, resourceVersion };
}

function plainTable(answer: KubeObject & JsonObject, resourceVersion: string, nowMs: number): ObjectTable {
  const items = Array.isArray(answer['items']) ? (answer['items'] as unknown as TableRow['object'][]) : [answer];
  const rows = items.map((object) => ({
    cells: [object.metadata?.name ?? '', ageSince(object.metadata?.creationTimestamp, nowMs)],
    object,
  }));
  return { columns: [plainColumn('Name'), plainColumn('Age')], rows, resourceVersion };
}

const plainColumn = (name: string): TableColumnDefinition => ({
  name,
  type: 'string',
  format: '',
  description: '',
  priority: 0,
});
