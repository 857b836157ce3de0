/**
 * YAML as Compose reads it: version 1.2 (so `no` and `on` are texts, and `22:22` is no time), with anchors, merge keys (`<<`), octal numbers
 * (`0440`), and the specification's two tags, which stay as marks until files have been merged. Aliases are bounded.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseAllDocuments, type YAMLMap } from 'yaml';
import { limits } from '../../lib/limits.ts';
import { ManifestError } from '../../manifests/source-object.ts';
import { Mark, type Tree, type TreeMap } from './tree.ts';

const nestingMax = 100;

/** The one document of a file; an empty file is an empty map. @throws ManifestError with the line */
export function readYaml(text: string, file: string): Tree {
  if (text.length > limits.yamlCharactersMax) {
    throw new ManifestError(`${file}: it is longer than ${limits.yamlCharactersMax} characters`);
  }
  const documents = parseAllDocuments(text, { version: '1.2', schema: 'core', merge: false, uniqueKeys: true });
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (second !== undefined) throw new ManifestError(`${file}: it holds several documents; a Compose file is one`);
  if (document === undefined) return {};
  const [error] = document.errors;
  if (error !== undefined)
    throw new ManifestError(`${file}:${error.linePos?.[0].line ?? 1}: ${firstLine(error.message)}`);
  return new Reader(document, file).read();
}

const firstLine = (text: string): string => (text.split('\n')[0] ?? text).replace(/ at line \d+, column \d+:?$/, '');

class Reader {
  readonly #document: Document;
  readonly #file: string;
  #nodes = 0;

  constructor(document: Document, file: string) {
    this.#document = document;
    this.#file = file;
  }

  read(): Tree {
    return this.#value(this.#document.contents, 0) ?? {};
  }

  #value(node: Node | null | undefined, depth: number): Tree {
    if (depth > nestingMax) throw new ManifestError(`${this.#file}: it nests deeper than ${nestingMax} levels`);
    if (++this.#nodes > limits.yamlAliasedNodesMax)
      throw new ManifestError(`${this.#file}: its aliases multiply too far`);
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.#value(this.#resolved(node.resolve(this.#document), node.source), depth + 1);
    const value = this.#plain(node, depth);
    if (node.tag === '!reset') return new Mark('reset', null);
    return node.tag === '!override' ? new Mark('override', value) : value;
  }

  #plain(node: Node, depth: number): Tree {
    if (isMap(node)) return this.#map(node, depth);
    if (isSeq(node)) return node.items.map((item) => this.#value(item as Node, depth + 1));
    return isScalar(node) ? scalar(node.value, node.source) : null;
  }

  #map(node: YAMLMap, depth: number): TreeMap {
    const own: [string, Tree][] = [];
    const merged: TreeMap[] = [];
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? (key.source ?? String(key.value)) : undefined;
      if (name === undefined) throw new ManifestError(`${this.#file}: a key must be plain text`);
      const each = this.#value(value as Node | null, depth + 1);
      if (name === '<<' && isScalar(key) && key.type === 'PLAIN') merged.push(...this.#mergedMaps(each));
      else own.push([name, each]);
    }
    // Of several merged maps the first one wins, and what stands here wins over all.
    return Object.assign(emptyMap(), ...merged.toReversed(), Object.fromEntries(own)) as TreeMap;
  }

  #mergedMaps(value: Tree): TreeMap[] {
    const maps = Array.isArray(value) ? value : [value];
    return maps.map((each) => {
      if (each !== null && typeof each === 'object' && !Array.isArray(each) && !(each instanceof Mark)) return each;
      throw new ManifestError(`${this.#file}: << merges maps only`);
    });
  }

  #resolved(node: Node | undefined, name: string): Node {
    if (node !== undefined) return node;
    throw new ManifestError(`${this.#file}: the alias *${name} has no anchor &${name} before it`);
  }
}

const emptyMap = (): TreeMap => ({});

/** `0440` is octal, as modes are written. */
function scalar(value: unknown, source: string | undefined): Tree {
  if (typeof value === 'number' && source !== undefined && /^0[0-7]+$/.test(source)) return Number.parseInt(source, 8);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return null;
}
