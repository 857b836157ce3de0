/** Reads the Go package of one API group-version: its declarations, registered kinds and protobuf messages. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GoConstant, type GoDeclaration, readGoFile } from './go-declarations.ts';
import { type ProtoMessages, readProtoMessages } from './proto-messages.ts';

export interface GoPackage {
  /** As imported: `k8s.io/api/core/v1`. */
  readonly path: string;
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly openapiPackage: string;
  readonly origin: string;
  readonly types: ReadonlyMap<string, LocatedDeclaration>;
  readonly constants: ReadonlyMap<string, LocatedConstant>;
  readonly kinds: readonly string[];
  readonly proto: ProtoMessages;
}

/** A declaration with what its file calls the packages that it imports. */
export interface LocatedDeclaration extends GoDeclaration {
  readonly imports: ReadonlyMap<string, string>;
  /** Stands in a file that holds API types, not helpers of theirs. */
  readonly isApi: boolean;
}

/** A constant with what its file calls the packages that it imports. */
export interface LocatedConstant extends GoConstant {
  readonly imports: ReadonlyMap<string, string>;
}

/** `types.go`, `types_jsonschema.go`; meta/v1 has two more. */
const apiFile = /^(types|types_jsonschema|watch|group_version)\.go$/;
const ignoredFile = /(_test|^generated\.pb|^zz_generated.*|^types_swagger_doc_generated)\.go$/;

export function readGoPackage(path: string, folder: string, origin: string): GoPackage {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.go') && !ignoredFile.test(name))
    .sort();
  const texts = new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  const types = new Map<string, LocatedDeclaration>();
  const constants = new Map<string, LocatedConstant>();
  let packageName = '';
  for (const [name, text] of texts) {
    const file = readGoFile(text);
    packageName = file.packageName;
    for (const type of file.types) types.set(type.name, { ...type, imports: file.imports, isApi: apiFile.test(name) });
    for (const constant of file.constants) constants.set(constant.name, { ...constant, imports: file.imports });
  }
  const proto = readdirSync(folder).includes('generated.proto')
    ? readProtoMessages(readFileSync(join(folder, 'generated.proto'), 'utf8'))
    : new Map();
  const all = [...texts.values()].join('\n');
  return {
    path,
    name: packageName,
    group:
      /^\s*const GroupName = "(.*)"$|^\s*GroupName\s*= "(.*)"$/m
        .exec(all)
        ?.slice(1)
        .find((text) => text !== undefined) ?? '',
    version: path.slice(path.lastIndexOf('/') + 1),
    openapiPackage: /\+k8s:openapi-model-package=(\S+)/.exec(all)?.[1] ?? '',
    origin,
    types,
    constants,
    kinds: registeredKinds(texts.get('register.go') ?? ''),
    proto,
  };
}

/** The `&Kind{}` arguments of the calls that register a group's types, where the type goes by its own name. */
function registeredKinds(register: string): string[] {
  const body = register.replaceAll(/\/\/.*$/gm, '');
  return [...new Set([...body.matchAll(/&(\w+)\{\}/g)].map(([, kind = '']) => kind))].filter(
    (kind) => kind !== 'InternalEvent',
  );
}
