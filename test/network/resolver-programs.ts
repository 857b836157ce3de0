/**
 * Programs that ask for addresses as programs in pods do: glibc's `getent`, which every Debian has, and one linked with musl, which is made here with a small
 * compiler, since no package of Debian's has one.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fetchDebianPackages } from '../../tools/debian-package.ts';
import { root, run } from '../harness.ts';

/** Says the addresses of its argument, a line each. Declares what it needs itself: there are no headers. */
const source = `
struct addrinfo { int flags, family, type, protocol; unsigned length; char *address; char *name; struct addrinfo *next; };
int getaddrinfo(const char *, const char *, const void *, struct addrinfo **);
const char *gai_strerror(int);
const char *inet_ntop(int, const void *, char *, unsigned);
int puts(const char *);
int main(int count, char **words) {
  struct addrinfo *found = 0;
  char text[64];
  int error = getaddrinfo(words[1], 0, 0, &found);
  if (error) return puts(gai_strerror(error)), 2;
  for (; found; found = found->next) puts(inet_ntop(found->family, found->address + (found->family == 2 ? 4 : 8), text, 64));
  return 0;
}
`;

/** The path of the program, in `folder`. */
export async function muslProgram(folder: string): Promise<string> {
  const packages = await fetchDebianPackages(['musl-dev', 'tcc'], 'bookworm', path.join(root, '.cache'));
  const triple = process.arch === 'arm64' ? 'aarch64-linux' : 'x86_64-linux';
  const library = path.join(packages.get('musl-dev') as string, `usr/lib/${triple}-musl`);
  const compiler = packages.get('tcc') as string;
  const support = path.join(compiler, `usr/lib/${triple}-gnu/tcc`);
  const input = path.join(folder, 'addresses.c');
  const output = path.join(folder, 'addresses-musl');
  writeFileSync(input, source);
  const parts = ['crt1.o', 'crti.o'].map((file) => path.join(library, file));
  const ends = [path.join(library, 'libc.a'), path.join(support, 'libtcc1.a'), path.join(library, 'crtn.o')];
  const options = [`-B${support}`, '-nostdlib', '-static', '-o', output];
  const { code, stderr } = await run(path.join(compiler, 'usr/bin/tcc'), [...options, ...parts, input, ...ends]);
  assert.equal(code, 0, stderr);
  return output;
}
