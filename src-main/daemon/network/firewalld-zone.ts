/**
 * Coexistence with firewalld, which refuses what comes from links it does not know: our bridges are in its
 * zone that trusts everything, as moby's are in one of their own (libnetwork iptables/firewalld.go). What
 * may pass is decided in our table. Nothing of it is permanent: a reload forgets it, then it is done again.
 */
import { isEngineError } from '../../../shared/errors.ts';
import type { WorkerClient } from '../platform/worker-client.ts';
import type { LinkCalls } from './link-calls.ts';
import { runTool } from './run-tool.ts';

/** Of the family `inet`. It is there while firewalld runs. */
export const FIREWALLD_TABLE = 'firewalld';
const ZONE = 'trusted';

export class FirewalldZone {
  readonly #rules: WorkerClient<LinkCalls>;
  #bridges: readonly string[] = [];

  constructor(rules: WorkerClient<LinkCalls>) {
    this.#rules = rules;
  }

  /** Exactly these are in it, whatever firewalld remembers; nothing is done where it does not run. */
  async apply(bridges: readonly string[]): Promise<void> {
    const gone = this.#bridges.filter((bridge) => !bridges.includes(bridge));
    this.#bridges = bridges;
    const isRunning = (await this.#rules.call('countRules', 'inet', FIREWALLD_TABLE)) > 0;
    if (!isRunning) return;
    await change('add', bridges);
    await change('remove', gone);
  }
}

async function change(verb: 'add' | 'remove', bridges: readonly string[]): Promise<void> {
  if (bridges.length === 0) return;
  const links = bridges.map((bridge) => `--${verb}-interface=${bridge}`);
  try {
    await runTool('firewall-cmd', ['--quiet', `--zone=${ZONE}`, ...links]);
  } catch (error) {
    if (!isEngineError(error, 'notFound')) throw error;
  }
}
