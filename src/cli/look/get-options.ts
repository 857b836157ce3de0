/** What `naru get` is told, and which of its outputs that means. */

import { readFileSync } from 'node:fs';
import type { JsonValue } from '../../api/object.ts';
import type { ConnectionOptions } from '../cluster/connection.ts';
import { UsageError } from '../exit-code.ts';
import { type CustomColumns, parseCustomColumns, readCustomColumns } from './custom-columns.ts';
import { jsonPathTemplate } from './json-path.ts';

export interface GetOptions extends ConnectionOptions {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly output?: string;
  readonly watch?: boolean;
  readonly watchOnly?: boolean;
  readonly outputWatchEvents?: boolean;
  readonly showLabels?: boolean;
  readonly labelColumns?: readonly string[];
  readonly showKind?: boolean;
  readonly sortBy?: string;
  /** `--no-headers`. */
  readonly headers?: boolean;
  readonly ignoreNotFound?: boolean;
  readonly filename?: readonly string[];
  readonly chunkSize?: number;
  readonly showManagedFields?: boolean;
  readonly subresource?: string;
  readonly raw?: string;
}

export type Output =
  | { readonly kind: 'table'; readonly wide: boolean }
  | { readonly kind: 'json' }
  | { readonly kind: 'yaml' }
  | { readonly kind: 'name' }
  | { readonly kind: 'template'; readonly render: (value: JsonValue) => string }
  | { readonly kind: 'columns'; readonly columns: CustomColumns };

const formats =
  'wide, json, yaml, name, jsonpath=TEMPLATE, jsonpath-file=FILE, custom-columns=SPEC, custom-columns-file=FILE';

/** @throws UsageError */
export function outputOf(text: string | undefined): Output {
  if (text === undefined || text === '' || text === 'wide') return { kind: 'table', wide: text === 'wide' };
  if (text === 'json' || text === 'yaml' || text === 'name') return { kind: text };
  const equals = text.indexOf('=');
  const [format, argument] = equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
  const make = withArgument[format];
  if (make === undefined) throw new UsageError(`there is no output format "${text}"; there are ${formats}`);
  if (argument === '') throw new UsageError(`-o ${format} needs something after it: ${format}=…`);
  return make(argument);
}

const withArgument: Readonly<Record<string, (argument: string) => Output>> = {
  jsonpath: (template) => ({ kind: 'template', render: jsonPathTemplate(template) }),
  'jsonpath-file': (file) => ({ kind: 'template', render: jsonPathTemplate(readFileSync(file, 'utf8')) }),
  'custom-columns': (text) => ({ kind: 'columns', columns: parseCustomColumns(text) }),
  'custom-columns-file': (file) => ({ kind: 'columns', columns: readCustomColumns(file) }),
};
