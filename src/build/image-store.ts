/** Where images go when they are built: this machine's node. The command line gives one; where nodes are simulated, it holds every image. */
export interface ImageStore {
  /** By the name that pods use. */
  has(name: string): Promise<boolean>;
  /** Resolves with its names. @throws Error that says what is wrong with the archive or the machine */
  add(archive: string, alsoNamed?: string): Promise<readonly string[]>;
}
