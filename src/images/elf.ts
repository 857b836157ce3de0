/**
 * What a program or library says of itself: which loader it wants, which libraries, and where they may lie. Reads the few
 * bytes that tell, through `read`; executes nothing (`ldd` runs the program's own loader). ELF, little-endian, 32 and 64 bit.
 */

export interface ElfFacts {
  /** 64 or 32: a program and its libraries agree. */
  readonly bits: 32 | 64;
  /** `e_machine`: 62 is x86-64, 183 is arm64. */
  readonly machine: number;
  /** The loader; undefined in libraries and static programs. */
  readonly interpreter?: string;
  readonly needed: readonly string[];
  /** Older, and inherited by the libraries that it loads; ignored where `runpath` is there. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
}

/** Reads `size` bytes at `offset`, or fewer at the end of the file. */
export type ReadAt = (offset: number, size: number) => Promise<Buffer>;

const segment = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tag = { end: 0, needed: 1, strings: 5, stringsSize: 10, rpath: 15, runpath: 29 } as const;

/** No program has more; a damaged file may claim it. */
const tableBytesMax = 16 * 1024 * 1024;

/** Undefined where it is no ELF file. @throws Error where it is one, but damaged or of a kind that naru does not read */
export async function readElf(read: ReadAt): Promise<ElfFacts | undefined> {
  const header = await read(0, 64);
  if (header.length < 4 || header.readUInt32BE(0) !== 0x7f45_4c46) return undefined;
  const bits = header[4] === 2 ? 64 : 32;
  if (header.length < (bits === 64 ? 64 : 52)) throw new Error('the ELF header is cut off');
  if (header[5] !== 1) throw new Error('it is a big-endian ELF file');
  const segments = await readSegments(read, header, bits);
  const interpreter = segments.find(({ type }) => type === segment.interpreter);
  const dynamic = await readDynamic(read, segments, bits);
  return {
    bits,
    machine: header.readUInt16LE(18),
    ...(interpreter === undefined
      ? {}
      : { interpreter: text(await readWhole(read, interpreter.offset, interpreter.size), 0) }),
    ...dynamic,
  };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

async function readSegments(read: ReadAt, header: Buffer, bits: 32 | 64): Promise<Segment[]> {
  const offset = bits === 64 ? Number(header.readBigUInt64LE(32)) : header.readUInt32LE(28);
  const entrySize = header.readUInt16LE(bits === 64 ? 54 : 42);
  const count = header.readUInt16LE(bits === 64 ? 56 : 44);
  if (entrySize < (bits === 64 ? 56 : 32)) return [];
  const table = await readWhole(read, offset, entrySize * count);
  return Array.from({ length: count }, (_, index) => {
    const entry = table.subarray(index * entrySize);
    if (bits === 32) {
      return {
        type: entry.readUInt32LE(0),
        offset: entry.readUInt32LE(4),
        address: entry.readUInt32LE(8),
        size: entry.readUInt32LE(16),
      };
    }
    const [at8, at16, at32] = [8, 16, 32].map((at) => Number(entry.readBigUInt64LE(at))) as [number, number, number];
    return { type: entry.readUInt32LE(0), offset: at8, address: at16, size: at32 };
  });
}

type Dynamic = Pick<ElfFacts, 'needed' | 'rpath' | 'runpath'>;

async function readDynamic(read: ReadAt, segments: readonly Segment[], bits: 32 | 64): Promise<Dynamic> {
  const dynamic = segments.find(({ type }) => type === segment.dynamic);
  if (dynamic === undefined) return { needed: [], rpath: [], runpath: [] };
  const entries = dynamicEntries(await readWhole(read, dynamic.offset, dynamic.size), bits);
  const one = (wanted: number): number | undefined => entries.find(([kind]) => kind === wanted)?.[1];
  const address = one(tag.strings);
  const strings =
    address === undefined ? Buffer.alloc(0) : await readAddress(read, segments, address, one(tag.stringsSize) ?? 0);
  const path = (wanted: number): string[] => {
    const offset = one(wanted);
    return offset === undefined ? [] : text(strings, offset).split(':').filter(Boolean);
  };
  const needed = entries.filter(([kind]) => kind === tag.needed).map(([, offset]) => text(strings, offset));
  return { needed, rpath: path(tag.rpath), runpath: path(tag.runpath) };
}

function dynamicEntries(table: Buffer, bits: 32 | 64): [kind: number, value: number][] {
  const size = bits === 64 ? 16 : 8;
  const entries: [number, number][] = [];
  for (let at = 0; at + size <= table.length; at += size) {
    const kind = bits === 64 ? Number(table.readBigInt64LE(at)) : table.readInt32LE(at);
    if (kind === tag.end) break;
    entries.push([kind, bits === 64 ? Number(table.readBigUInt64LE(at + 8)) : table.readUInt32LE(at + 4)]);
  }
  return entries;
}

/** Dynamic entries point into memory; the load segments say where that is in the file. */
async function readAddress(read: ReadAt, segments: readonly Segment[], address: number, size: number): Promise<Buffer> {
  const home = segments.find(
    (each) => each.type === segment.load && address >= each.address && address + size <= each.address + each.size,
  );
  if (home === undefined) throw new Error('the ELF string table lies outside the file');
  return readWhole(read, home.offset + address - home.address, size);
}

async function readWhole(read: ReadAt, offset: number, size: number): Promise<Buffer> {
  if (size > tableBytesMax) throw new Error('an ELF table is too large to be true');
  const bytes = size === 0 ? Buffer.alloc(0) : await read(offset, size);
  if (bytes.length < size) throw new Error('the ELF file is cut off');
  return bytes;
}

function text(bytes: Buffer, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return bytes.subarray(offset, end < 0 ? bytes.length : end).toString('utf8');
}
