/**
 * Lists as tables: what `kubectl get` asks for with `Accept: application/json;as=Table;v=v1;g=meta.k8s.io`.
 *
 * The columns of each kind are upstream's and stand beside this file by area; a kind without columns of its own has its name
 * and age, or the time of its creation where upstream prints that. The server always makes the wide columns too; the client
 * hides those with a priority above 0. Negotiation and watch framing are the server's.
 */
import type { KubeObject } from '../object.ts';
import { groupResource } from '../resources.ts';
import type { CustomResourceColumnDefinition } from '../schema/types/apiextensions-v1.ts';
import type { ListMeta, Table, TableColumnDefinition, TableRow } from '../schema/types/meta-v1.ts';
import { admissionPrinters } from './admission.ts';
import { clusterPrinters } from './cluster.ts';
import { ageColumn, nameColumn, type PrintContext, type Printer, printer } from './column.ts';
import { customPrinter } from './custom.ts';
import { describe } from './descriptions.ts';
import { eventPrinters } from './events.ts';
import { gatewayPrinters } from './gateway.ts';
import { networkPrinters } from './network.ts';
import { podPrinters } from './pods.ts';
import { storagePrinters } from './storage.ts';
import { scalePrinter, workloadPrinters } from './workloads.ts';

export interface PrintOptions {
  /** The time that ages are counted to (ms since the epoch). */
  readonly now: number;
  /** What each row carries beside its cells; `Metadata` where absent. */
  readonly includeObject?: 'None' | 'Metadata' | 'Object';
  /** True leaves the column definitions out, as null: later events of a watch. */
  readonly noHeaders?: boolean;
  /** The list's own metadata. */
  readonly metadata?: ListMeta;
  /** For custom resources: the columns that their definition names. Its presence says that the resource is custom. */
  readonly customColumns?: readonly CustomResourceColumnDefinition[];
  /** The version of group meta.k8s.io in which the table and the metadata in its rows are; `v1` where absent. */
  readonly metaVersion?: string;
  /** The objects are those of this subresource. */
  readonly subresource?: string;
}

/** As upstream sends it: a table without its columns, and a row without its object, say so with a null. */
export interface PrintedTable extends Omit<Table, 'columnDefinitions' | 'rows'> {
  readonly columnDefinitions: Table['columnDefinitions'] | null;
  readonly rows: readonly PrintedRow[];
}

export interface PrintedRow extends Omit<TableRow, 'object'> {
  readonly object: KubeObject | null;
}

const createdAtPrinter = printer(nameColumn, {
  name: 'Created At',
  type: 'date',
  cell: (object: KubeObject) => object.metadata?.creationTimestamp ?? null,
});

const defaultPrinter = printer(nameColumn, ageColumn);

const printers: ReadonlyMap<string, Printer> = new Map(
  Object.entries({
    ...podPrinters,
    ...workloadPrinters,
    ...networkPrinters,
    ...gatewayPrinters,
    ...storagePrinters,
    ...clusterPrinters,
    ...eventPrinters,
    ...admissionPrinters,
    limitranges: createdAtPrinter,
    'roles.rbac.authorization.k8s.io': createdAtPrinter,
    'clusterroles.rbac.authorization.k8s.io': createdAtPrinter,
    'customresourcedefinitions.apiextensions.k8s.io': createdAtPrinter,
  }),
);

/** A printer is made once for each list of custom columns, which live as long as their definition. */
const customPrinters = new WeakMap<readonly CustomResourceColumnDefinition[], Printer>();

export function printTable(
  info: { readonly group: string; readonly resource: string },
  objects: readonly KubeObject[],
  options: PrintOptions,
): PrintedTable {
  const chosen = printerFor(info, options);
  const context: PrintContext = { nowMs: options.now };
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.metaVersion ?? 'v1'}`,
    metadata: options.metadata ?? {},
    columnDefinitions: options.noHeaders ? null : chosen.columns.map(columnDefinition),
    rows: ordered(chosen, objects).map((object) => rowOf(chosen, object, context, options)),
  };
}

function printerFor(info: { readonly group: string; readonly resource: string }, options: PrintOptions): Printer {
  if (options.subresource === 'scale') return scalePrinter;
  if (options.customColumns !== undefined) return customPrinterFor(options.customColumns);
  return printers.get(groupResource(info)) ?? defaultPrinter;
}

function customPrinterFor(columns: readonly CustomResourceColumnDefinition[]): Printer {
  let found = customPrinters.get(columns);
  if (found === undefined) {
    found = customPrinter(columns);
    customPrinters.set(columns, found);
  }
  return found;
}

function columnDefinition({
  name,
  type,
  format,
  description,
  priority,
}: Printer['columns'][number]): TableColumnDefinition {
  return { name, type, format: format ?? '', description: description ?? describe(name), priority: priority ?? 0 };
}

function ordered({ order }: Printer, objects: readonly KubeObject[]): readonly KubeObject[] {
  return order === undefined ? objects : objects.toSorted(order);
}

/** The bookmark that ends the initial events of a watch is known by its metadata: that is always there. */
const initialEventsEnd = 'k8s.io/initial-events-end';

function rowOf(chosen: Printer, object: KubeObject, context: PrintContext, options: PrintOptions): PrintedRow {
  const isMarked = object.metadata?.annotations?.[initialEventsEnd] === 'true';
  const asked = options.includeObject ?? 'Metadata';
  const includeObject = asked === 'None' && isMarked ? 'Metadata' : asked;
  const conditions = chosen.conditions?.(object);
  return {
    cells: chosen.cells(object, context),
    ...(conditions && { conditions }),
    object: includedObject(object, includeObject, options),
  };
}

function includedObject(
  object: KubeObject,
  include: NonNullable<PrintOptions['includeObject']>,
  { metaVersion }: PrintOptions,
): KubeObject | null {
  if (include === 'None') return null;
  return include === 'Object' ? object : partialObject(object, metaVersion);
}

/** Identity and metadata alone: what clients need to name the row's object. */
export function partialObject(object: KubeObject, metaVersion = 'v1'): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}`, metadata: object.metadata ?? {} };
}
