/**
 * Our rules, in an nftables table of this daemon's own: nobody else's chains are touched, and the table
 * goes as a whole. One `nft -f` a change. Same effect as moby libnetwork's iptables rules: masquerade,
 * published ports, no traffic between bridges, and none within one with icc off.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { internal } from '../../../shared/errors.ts';

export interface BridgeRules {
  readonly bridge: string;
  readonly subnet: string;
  readonly masquerade: boolean;
  /** Containers of it may talk to each other. */
  readonly icc: boolean;
  readonly internal: boolean;
}

export interface PortRule {
  readonly protocol: string;
  /** '' = every address of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerIp: string;
  readonly containerPort: number;
  readonly bridge: string;
}

async function nft(script: string): Promise<void> {
  const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stdin.on('error', () => undefined);
  child.stdin.end(script);
  const [code, stderr] = await Promise.race([Promise.all([exited, text(child.stderr)]), failed]);
  if (code !== 0) throw internal(`nft refused the rules: ${stderr.trim()}`);
}

const portRule = (rule: PortRule): string =>
  [
    ...(rule.hostIp === '' || rule.hostIp === '0.0.0.0' ? [] : [`ip daddr ${rule.hostIp}`]),
    `${rule.protocol} dport ${rule.hostPort} dnat to ${rule.containerIp}:${rule.containerPort}`,
  ].join(' ');

export class Firewall {
  readonly #table: string;
  readonly #isEnabled: boolean;
  readonly #bridges = new Map<string, BridgeRules>();
  readonly #ports = new Map<string, readonly PortRule[]>();
  /** Changes one after another; each writes the whole table, in one transaction. */
  #writing: Promise<void> = Promise.resolve();

  constructor(owner: string, isEnabled: boolean) {
    this.#table = `windlass_${createHash('sha256').update(owner).digest('hex').slice(0, 8)}`;
    this.#isEnabled = isEnabled;
  }

  async addBridge(rules: BridgeRules): Promise<void> {
    this.#bridges.set(rules.bridge, rules);
    await this.#write();
  }

  async removeBridge(bridge: string): Promise<void> {
    this.#bridges.delete(bridge);
    await this.#write();
  }

  /** Replaces the rules of one container. */
  async setPorts(containerId: string, rules: readonly PortRule[]): Promise<void> {
    if (rules.length === 0 && !this.#ports.has(containerId)) return;
    if (rules.length === 0) this.#ports.delete(containerId);
    else this.#ports.set(containerId, rules);
    await this.#write();
  }

  #write(): Promise<void> {
    const work = this.#writing.then(() => (this.#isEnabled ? nft(this.#script()) : undefined));
    this.#writing = work.catch(() => undefined);
    return work;
  }

  #script(): string {
    const table = `ip ${this.#table}`;
    const bridges = [...this.#bridges.values()];
    const ports = [...this.#ports.values()].flat().map((rule) => `    ${portRule(rule)}`);
    const masquerade = bridges
      .filter((rules) => rules.masquerade && !rules.internal)
      .map((rules) => `    ip saddr ${rules.subnet} oifname != "${rules.bridge}" masquerade`);
    return `add table ${table}
delete table ${table}
table ${table} {
  chain ports {
${ports.join('\n')}
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump ports
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
${masquerade.join('\n')}
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
${forwardRules(bridges).join('\n')}
  }
}
`;
  }

  /** Removes all of it. */
  async close(): Promise<void> {
    await this.#writing;
    this.#bridges.clear();
    this.#ports.clear();
    if (this.#isEnabled) await nft(`add table ip ${this.#table}\ndelete table ip ${this.#table}\n`);
  }
}

function forwardRules(bridges: readonly BridgeRules[]): string[] {
  const names = bridges.map((rules) => `"${rules.bridge}"`).join(', ');
  return [
    ...bridges.flatMap((rules) => [
      ...(rules.internal
        ? [
            `    iifname "${rules.bridge}" oifname != "${rules.bridge}" drop`,
            `    oifname "${rules.bridge}" iifname != "${rules.bridge}" drop`,
          ]
        : []),
      ...(rules.icc ? [] : [`    iifname "${rules.bridge}" oifname "${rules.bridge}" drop`]),
      `    iifname "${rules.bridge}" oifname "${rules.bridge}" accept`,
    ]),
    // A published port is reached by its translated address, also from another bridge's containers.
    ...(bridges.length > 0 ? ['    ct status dnat accept'] : []),
    ...(bridges.length > 1 ? [`    iifname { ${names} } oifname { ${names} } drop`] : []),
  ];
}
