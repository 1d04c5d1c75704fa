/**
 * Coexistence with iptables: where its FORWARD chain drops by default (dockerd and ufw set that), an
 * accept in our own table is not enough. Our bridges are let through there, in DOCKER-USER when it
 * exists; what may pass is still decided in our table.
 */
import { isEngineError } from '../../../shared/errors.ts';
import { runTool } from './run-tool.ts';

const CHAINS = ['FORWARD', 'DOCKER-USER'] as const;

export class ForwardPolicy {
  /** Marks our rules, also those a killed daemon left. */
  readonly #comment: string;

  constructor(comment: string) {
    this.#comment = comment;
  }

  /** Lets exactly these bridges through; removes our rules where they are not needed. */
  async apply(bridges: readonly string[]): Promise<void> {
    const listed = await this.#list();
    if (listed === undefined) return;
    const stale = listed.filter((line) => line.includes(`--comment ${this.#comment}`));
    const needed = listed.includes('-P FORWARD DROP') ? bridges : [];
    const chain = listed.includes('-N DOCKER-USER') ? 'DOCKER-USER' : 'FORWARD';
    const wanted = needed.flatMap((bridge) =>
      ['-i', '-o'].map(
        (direction) =>
          `-I ${chain} ${direction} ${bridge} -m comment --comment ${this.#comment} -j ACCEPT`,
      ),
    );
    const changes = [...stale.map((line) => line.replace(/^-A/, '-D')), ...wanted];
    if (changes.length === 0) return;
    const script = `*filter\n${changes.join('\n')}\nCOMMIT\n`;
    await runTool('iptables-restore', ['-w', '--noflush'], script);
  }

  /** The rules of both chains as `iptables -S` prints them; undefined without iptables. */
  async #list(): Promise<readonly string[] | undefined> {
    try {
      const rules = (await runTool('iptables', ['-w', '-S'])).split('\n');
      return rules.filter((line) => CHAINS.some((chain) => line.split(' ')[1] === chain));
    } catch (error) {
      if (isEngineError(error, 'notFound')) return undefined;
      throw error;
    }
  }
}
