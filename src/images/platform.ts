/** Image architectures as OCI names them (Go's GOARCH), for the machines that naru runs pods on. */
export type Architecture = 'amd64' | 'arm64';

/** @throws Error on a machine of another kind */
export function architectureOf(nodeArchitecture: string): Architecture {
  if (nodeArchitecture === 'x64') return 'amd64';
  if (nodeArchitecture === 'arm64') return 'arm64';
  throw new Error(`naru runs pods on x86-64 and arm64 machines; this one is ${nodeArchitecture}`);
}
