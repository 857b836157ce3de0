/**
 * Reads and writes a certificate with its private key as two PEM files.
 *
 * Kept true: a key file is readable by its owner only (0600), the folder too (0700); what is written replaces the old file in
 * one step; a file that cannot be used is named in one sentence with the way out, and never replaced in silence, because a
 * new authority would lock out everybody who trusts the old one. What certificates say is `issue.ts`'s.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The text of both files, as TLS takes it. */
export interface CertificatePair {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
  /** What a person should do with an unusable file: ends a sentence, begins in lower case. */
  readonly wayOut: string;
}

export interface LoadedPair extends CertificatePair {
  readonly x509: X509Certificate;
  readonly privateKey: KeyObject;
}

/** Undefined where neither file exists. @throws Error, one sentence that names the file, where they cannot be used */
export async function loadPair(paths: CertificatePaths): Promise<LoadedPair | undefined> {
  const [certificate, key] = await Promise.all([readIfThere(paths.certificate), readIfThere(paths.key)]);
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined) throw unusable(paths, paths.certificate, `is missing beside ${paths.key}`);
  if (key === undefined) throw unusable(paths, paths.key, `is missing beside ${paths.certificate}`);
  await chmod(paths.key, 0o600);
  return checkedPair(paths, { certificate, key });
}

function checkedPair(paths: CertificatePaths, pair: CertificatePair): LoadedPair {
  const x509 = parsed(
    paths,
    paths.certificate,
    'does not hold a certificate',
    () => new X509Certificate(pair.certificate),
  );
  const privateKey = parsed(paths, paths.key, 'does not hold a private key', () => createPrivateKey(pair.key));
  if (!x509.checkPrivateKey(privateKey)) {
    throw unusable(paths, paths.key, `is not the key of the certificate in ${paths.certificate}`);
  }
  return { ...pair, x509, privateKey };
}

function parsed<T>(paths: CertificatePaths, file: string, problem: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw unusable(paths, file, problem, error);
  }
}

/** One sentence: which file, what is wrong with it, what to do. */
export function unusable(paths: CertificatePaths, file: string, problem: string, cause?: unknown): Error {
  return new Error(`${file} ${problem}; ${paths.wayOut}`, cause === undefined ? {} : { cause });
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`cannot read ${file} (${(error as Error).message}); run naru as the user that owns it`, {
      cause: error,
    });
  }
}

/** The key first: a certificate is there only when its key is. */
export async function savePair(paths: CertificatePaths, pair: CertificatePair): Promise<void> {
  const folder = dirname(paths.key);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  await replaceFile(paths.key, pair.key, 0o600);
  await replaceFile(paths.certificate, pair.certificate, 0o600);
}

async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
