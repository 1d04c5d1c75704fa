/** What is known of one registry. It never leaves the main process but for an engine that pulls or pushes. */
export interface Login {
  /** As {@link registryName} has it. */
  readonly address: string;
  readonly username: string;
  readonly password: string;
  /** Instead of a password, from registries that give one. */
  readonly identityToken?: string | undefined;
}
