/** What is to be known of a machine to say whether naru can run on it. Gathered by `cli/explain/machine-facts.ts`; a test writes it down. */

export interface FileSystemFacts {
  /** What lies there: `NARU_HOME`. */
  readonly what: string;
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number;
  readonly totalInodes: number;
}

export interface PortFacts {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  /** What naru uses it for. */
  readonly use: string;
  /** `nginx (process 312)`; absent: nobody, or it cannot be seen. */
  readonly holder?: string;
  readonly isTaken: boolean;
  /** It is this NARU_HOME's cluster. */
  readonly isOurs: boolean;
}

export interface PackageFacts {
  readonly missing: readonly string[];
  /** Packages that Debian could not finish to install: `nftables (half-configured)`. */
  readonly broken: readonly string[];
}

export interface CertificateFileFacts {
  readonly file: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface NameServerFacts {
  readonly address: string;
  readonly answers: boolean;
}

export interface MachineFacts {
  readonly nowMs: number;
  readonly platform: string;
  readonly isRoot: boolean;
  readonly kernel: string;
  readonly cgroup: 'v2' | 'v1' | 'hybrid' | 'none';
  /** By name: in use or built in; there to be loaded; or nowhere. */
  readonly modules: Readonly<Record<string, 'here' | 'loadable' | 'absent'>>;
  /** nft's own answer; absent: it was not asked. */
  readonly nftables?: { readonly works: boolean; readonly says: string };
  /** By their path under /proc/sys: `net/ipv4/ip_forward`. */
  readonly settings: Readonly<Record<string, number | undefined>>;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  readonly fileSystems: readonly FileSystemFacts[];
  readonly ports: readonly PortFacts[];
  readonly packages: PackageFacts;
  readonly nameServers: readonly NameServerFacts[];
  /** `unknown`: something keeps it, and cannot be asked. */
  readonly clockKeeper: 'synchronized' | 'unsynchronized' | 'unknown' | 'none';
  readonly certificates: readonly CertificateFileFacts[];
  /** `NARU_HOME` exists and is open to others. */
  readonly isHomeOpen: boolean;
  /** The cluster or agent that runs from NARU_HOME, where one does: `https://…`. */
  readonly running?: string;
  /** The parts of this node's network, where they run; with what keeps one from running. */
  readonly networkParts: readonly { readonly name: string; readonly problem?: string }[];
  /** It was told to simulate its nodes: nothing of containers is needed. */
  readonly isSimulated: boolean;
}
