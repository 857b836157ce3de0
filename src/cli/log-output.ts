/**
 * Where the log goes: standard error in the foreground, a file of bounded size in the background. A line that cannot be written (the disk is
 * full) is dropped: a cluster that serves is worth more than its log.
 */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** At it, the file becomes `FILE.1`, in place of an older one, and a new one begins. */
const fileBytesMax = 10 * 1024 * 1024;

export type WriteLine = (line: string) => void;

export const toStandardError: WriteLine = (line) => writeOrDrop(2, line);

export function toFile(file: string, bytesMax = fileBytesMax): WriteLine {
  let descriptor = openSync(file, 'a', 0o600);
  let bytes = fstatSync(descriptor).size;
  return (line) => {
    if (bytes >= bytesMax) {
      renameSync(file, `${file}.1`);
      closeSync(descriptor);
      descriptor = openSync(file, 'a', 0o600);
      bytes = 0;
    }
    bytes += writeOrDrop(descriptor, line);
  };
}

function writeOrDrop(descriptor: number, line: string): number {
  try {
    return writeSync(descriptor, line);
  } catch {
    return 0;
  }
}
