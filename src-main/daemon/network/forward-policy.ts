/**
 * Coexistence with iptables: where its FORWARD chain drops by default (dockerd and ufw set that), an
 * accept in our own table is not enough. Our bridges are let through there, in DOCKER-USER when it
 * exists; what may pass is still decided in our table.
 */
import { isDeepStrictEqual } from 'node:util';
import { isEngineError } from '../../../shared/errors.ts';
import { runTool } from './run-tool.ts';

/** Where our rules are, in iptables' table `filter`. */
export const FORWARD_CHAINS: readonly string[] = ['FORWARD', 'DOCKER-USER'];
const DOCKERS_BRIDGE = /^-A FORWARD -o (\S+) -j DOCKER$/;

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
    const present = listed.filter((line) => line.includes(`--comment ${this.#comment}`));
    const needed = listed.includes('-P FORWARD DROP') ? bridges : [];
    const wanted = listed.includes('-N DOCKER-USER')
      ? [...this.#returns(needed, listed), ...this.#accepts('DOCKER-USER', needed)]
      : this.#accepts('FORWARD', needed);
    if (isDeepStrictEqual(present, wanted)) return;
    const changes = [
      ...present.map((line) => line.replace(/^-A/, '-D')),
      ...wanted.toReversed().map((line) => line.replace(/^-A/, '-I')),
    ];
    const script = `*filter\n${changes.join('\n')}\nCOMMIT\n`;
    await runTool('iptables-restore', ['-w', '--noflush'], script);
  }

  #accepts(chain: string, bridges: readonly string[]): readonly string[] {
    return bridges.flatMap((bridge) =>
      ['-i', '-o'].map((direction) => this.#rule(chain, `${direction} ${bridge}`, 'ACCEPT')),
    );
  }

  /** What leads into dockerd's bridges is for dockerd's rules to decide. */
  #returns(bridges: readonly string[], listed: readonly string[]): readonly string[] {
    const theirs = listed.flatMap((line) => DOCKERS_BRIDGE.exec(line)?.[1] ?? []);
    return bridges.flatMap((bridge) =>
      theirs.map((other) => this.#rule('DOCKER-USER', `-i ${bridge} -o ${other}`, 'RETURN')),
    );
  }

  #rule(chain: string, links: string, verdict: string): string {
    return `-A ${chain} ${links} -m comment --comment ${this.#comment} -j ${verdict}`;
  }

  /** The rules of both chains as `iptables -S` prints them; undefined without iptables. */
  async #list(): Promise<readonly string[] | undefined> {
    try {
      const rules = (await runTool('iptables', ['-w', '-S'])).split('\n');
      return rules.filter((line) => FORWARD_CHAINS.includes(line.split(' ')[1] ?? ''));
    } catch (error) {
      if (isEngineError(error, 'notFound')) return undefined;
      throw error;
    }
  }
}
