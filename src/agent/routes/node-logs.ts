/**
 * `/logs/…`: the files below /var/log of the node: a folder as a list of links, a file as it is (its end, where it is long). Queries of the
 * system's journal are off, as upstream's are unless switched on.
 *
 * Kept true: nothing outside that folder is read, also where a link leads out of it, or comes while the way is looked at (a pod may have the
 * folder mounted); nothing but plain files and folders is opened.
 */
import type { Stats } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { StatusError } from '../../api/status-error.ts';
import type { NodeResponse } from '../../client/node-api.ts';
import { limits } from '../../lib/limits.ts';
import { openInside, pathOf } from '../pod/volumes/safe-path.ts';
import { notServed, type Route, type RouteRequest, textAnswer } from './route.ts';

/** @param folder absent: the node has none, as a simulated one */
export function nodeLogs(folder: string | undefined): Route {
  return {
    path: '/logs/',
    answer: async ({ path: wanted, query }: RouteRequest) => {
      if (folder === undefined) throw notServed();
      if (query.has('query'))
        throw new StatusError(
          403,
          'Forbidden',
          'queries of the logs of system services are switched off on this node',
          {},
        );
      return answerFor(folder, decodedPath(wanted.replace(/^\/logs\/?/, '')));
    },
  };
}

function decodedPath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw notServed();
  }
}

async function answerFor(root: string, wanted: string): Promise<NodeResponse> {
  const found = await openInside(root, path.posix.join('/', wanted)).catch(() => {
    throw notServed();
  });
  try {
    const entry = await found.stat();
    if (entry.isDirectory()) return textAnswer(await listing(pathOf(found)), 'text/html; charset=utf-8');
    if (!entry.isFile()) throw notServed();
    return await fileAnswer(await fs.open(pathOf(found)), entry);
  } finally {
    await found.close();
  }
}

async function fileAnswer(handle: FileHandle, entry: Stats): Promise<NodeResponse> {
  // A log that grows meanwhile is told as long as it was.
  const start = Math.max(0, entry.size - limits.nodeLogBytesMax);
  if (entry.size === 0) {
    await handle.close();
    return textAnswer('');
  }
  return textAnswer(handle.createReadStream({ start, end: entry.size - 1 }), 'application/octet-stream');
}

async function listing(folder: string): Promise<string> {
  const entries = await fs.readdir(folder, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  const links = names.map((name) => `<a href="${encodeURI(name)}">${escaped(name)}</a>\n`);
  return `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${links.join('')}</pre>\n`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function escaped(name: string): string {
  return name.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
