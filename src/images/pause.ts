/**
 * The program that holds a pod's namespaces together, as machine code with its assembly beside it.
 *
 * It is pid 1 of the sandbox and, where the pod shares process ids, of the whole pod. It keeps two things true: orphans that
 * land on it leave no zombies (SIGCHLD is ignored, so the kernel reaps), and it exits with 0 as soon as it gets TERM or INT.
 * Both signals are blocked before anything else: a blocked signal waits for `rt_sigtimedwait` even in pid 1, for which
 * unhandled signals are otherwise dropped. No stack beyond 48 bytes, no heap, no libc: about 12 kB of memory a pod.
 *
 * The bytes were made from these very lines with GNU as 2.40; `as` and `objdump -d` repeat it. The image around it is in
 * `pause-image.ts`.
 */
import type { Architecture } from './platform.ts';

/** Raised when the bytes change: it is the image's tag, and nodes import what they do not have. */
export const pauseVersion = '1';

const x64 = `
  68 02 40 00 00     push   $0x4002            # the set {INT, TERM}, at rsp
  6a 08              push   $8
  41 5a              pop    %r10               # sigsetsize, for all three calls
  31 d2              xor    %edx, %edx         # oldset = NULL
  31 ff              xor    %edi, %edi         # how = SIG_BLOCK
  48 89 e6           mov    %rsp, %rsi         # set
  b8 0e 00 00 00     mov    $14, %eax          # rt_sigprocmask
  0f 05              syscall
  52                 push   %rdx               # struct sigaction: mask = 0
  52                 push   %rdx               #   restorer = NULL
  52                 push   %rdx               #   flags = 0
  6a 01              push   $1                 #   handler = SIG_IGN
  bf 11 00 00 00     mov    $17, %edi          # signum = SIGCHLD
  48 89 e6           mov    %rsp, %rsi         # act; oldact (rdx) is still NULL
  b8 0d 00 00 00     mov    $13, %eax          # rt_sigaction
  0f 05              syscall
  48 8d 7c 24 20     lea    32(%rsp), %rdi     # wait: the set, above the struct
  31 f6              xor    %esi, %esi         # info = NULL
  31 d2              xor    %edx, %edx         # timeout = NULL: for ever
  b8 80 00 00 00     mov    $128, %eax         # rt_sigtimedwait
  0f 05              syscall
  85 c0              test   %eax, %eax
  78 ec              js     wait               # interrupted, for instance by a stop and continue
  31 ff              xor    %edi, %edi
  b8 e7 00 00 00     mov    $231, %eax         # exit_group(0)
  0f 05              syscall
`;

/** Instructions as the manuals print them: 32-bit words, most significant digit first. */
const arm64 = `
  d2880049           mov    x9, #0x4002        // the set {INT, TERM}
  f81f0fe9           str    x9, [sp, #-16]!
  d2800000           mov    x0, #0             // how = SIG_BLOCK
  910003e1           mov    x1, sp             // set
  d2800002           mov    x2, #0             // oldset = NULL
  d2800103           mov    x3, #8             // sigsetsize, for all three calls
  d28010e8           mov    x8, #135           // rt_sigprocmask
  d4000001           svc    #0
  d10083ff           sub    sp, sp, #32        // struct sigaction:
  d2800029           mov    x9, #1
  a9007fe9           stp    x9, xzr, [sp]      //   handler = SIG_IGN, flags = 0
  a9017fff           stp    xzr, xzr, [sp, #16]//   restorer = NULL, mask = 0
  d2800220           mov    x0, #17            // signum = SIGCHLD
  910003e1           mov    x1, sp             // act; oldact (x2) is still NULL
  d28010c8           mov    x8, #134           // rt_sigaction
  d4000001           svc    #0
  910083e0           add    x0, sp, #32        // wait: the set, above the struct
  d2800001           mov    x1, #0             // info = NULL
  d2800002           mov    x2, #0             // timeout = NULL: for ever
  d2801128           mov    x8, #137           // rt_sigtimedwait
  d4000001           svc    #0
  37ffff60           tbnz   w0, #31, wait      // negative: interrupted
  d2800000           mov    x0, #0
  d2800bc8           mov    x8, #94            // exit_group(0)
  d4000001           svc    #0
`;

/** The machine code alone. */
export function pauseCode(architecture: Architecture): Buffer {
  return architecture === 'amd64' ? bytesOfListing(x64) : wordsOfListing(arm64);
}

/** Reads the bytes in the listing's first column: pairs of digits, up to the first thing that is none. */
function bytesOfListing(listing: string): Buffer {
  const lines = listing.split('\n').map((line) => /^ {2}((?:[0-9a-f]{2} )+) /.exec(line)?.[1] ?? '');
  return Buffer.from(lines.join('').replaceAll(' ', ''), 'hex');
}

function wordsOfListing(listing: string): Buffer {
  const words = listing.split('\n').flatMap((line) => /^ {2}([0-9a-f]{8}) /.exec(line)?.[1] ?? []);
  return Buffer.concat(words.map((word) => Buffer.from(word, 'hex').reverse()));
}

const elfHeaderBytes = 64;
const programHeaderBytes = 56;
const programHeaders = 2;
const loadAddress = 0x40_0000;
/** Whatever page size the machine has, up to 64 KiB (arm64). */
const alignment = 0x1_0000;

const machine: Readonly<Record<Architecture, number>> = { amd64: 62, arm64: 183 };

/** A whole static ELF program: headers, one readable and executable segment, and a stack that is not executable. */
export function pauseProgram(architecture: Architecture): Buffer {
  const code = pauseCode(architecture);
  const headerBytes = elfHeaderBytes + programHeaders * programHeaderBytes;
  return Buffer.concat([
    elfHeader(machine[architecture], loadAddress + headerBytes),
    programHeader({ type: 1, flags: 5, address: loadAddress, size: headerBytes + code.length, align: alignment }),
    programHeader({ type: 0x6474_e551, flags: 6, address: 0, size: 0, align: 16 }),
    code,
  ]);
}

/** Elf64_Ehdr: little-endian, executable at fixed addresses, program headers right behind, no sections. */
function elfHeader(machineNumber: number, entry: number): Buffer {
  const header = Buffer.alloc(elfHeaderBytes);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machineNumber, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(entry), 24);
  header.writeBigUInt64LE(BigInt(elfHeaderBytes), 32);
  header.writeUInt16LE(elfHeaderBytes, 52);
  header.writeUInt16LE(programHeaderBytes, 54);
  header.writeUInt16LE(programHeaders, 56);
  return header;
}

/** Elf64_Phdr of a segment that starts with the file. */
function programHeader(segment: { type: number; flags: number; address: number; size: number; align: number }): Buffer {
  const header = Buffer.alloc(programHeaderBytes);
  header.writeUInt32LE(segment.type, 0);
  header.writeUInt32LE(segment.flags, 4);
  header.writeBigUInt64LE(BigInt(segment.address), 16);
  header.writeBigUInt64LE(BigInt(segment.address), 24);
  header.writeBigUInt64LE(BigInt(segment.size), 32);
  header.writeBigUInt64LE(BigInt(segment.size), 40);
  header.writeBigUInt64LE(BigInt(segment.align), 48);
  return header;
}
