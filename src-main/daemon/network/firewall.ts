/**
 * Our rules, in an nf_tables table of this daemon's own: nobody else's chains are touched, and the table
 * goes as a whole. Bridges change it through nft(8), published ports by elements of two maps, without a
 * process. Same effect as moby libnetwork's iptables rules (drivers/bridge/setup_ip_tables.go):
 * masquerade, published ports, no traffic between bridges or into them unasked.
 */
import { createHash } from 'node:crypto';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { hasErrno } from '../platform/libc.ts';
import type { WorkerClient } from '../platform/worker-client.ts';
import { FirewalldZone } from './firewalld-zone.ts';
import { ForwardPolicy } from './forward-policy.ts';
import { type LinkCalls, PORT_MAPS, type PortRule } from './link-calls.ts';
import { runTool } from './run-tool.ts';

export interface BridgeRules {
  readonly bridge: string;
  readonly subnet: string;
  readonly masquerade: boolean;
  /** Containers of it may talk to each other. */
  readonly icc: boolean;
  /** Nothing goes in or out. */
  readonly internal: boolean;
  /** A bridge of somebody else may carry more than containers; what is routed to it is not ours to refuse. */
  readonly isOurs: boolean;
}

export interface FirewallOptions {
  /** Whose table it is. */
  readonly owner: string;
  readonly rules: WorkerClient<LinkCalls>;
  readonly isEnabled: boolean;
  /** Local connections go through a proxy, not through the rules. */
  readonly usesProxy: boolean;
  readonly log: Log;
}

const CHAINS = ['ports', 'prerouting', 'output', 'postrouting', 'forward'] as const;

export class Firewall {
  readonly #table: string;
  readonly #options: FirewallOptions;
  readonly #policy: ForwardPolicy;
  readonly #zone: FirewalldZone;
  readonly #bridges = new Map<string, BridgeRules>();
  readonly #ports = new Set<PortRule>();
  #isThere = false;
  /** As they were written: fewer are somebody else's doing. */
  #ruleCount = 0;
  /** Changes go one after another. */
  #changing: Promise<void> = Promise.resolve();

  constructor(options: FirewallOptions) {
    this.#options = options;
    const hash = createHash('sha256').update(options.owner).digest('hex').slice(0, 8);
    this.#table = `windlass_${hash}`;
    this.#policy = new ForwardPolicy(this.#table);
    this.#zone = new FirewalldZone(options.rules);
  }

  get table(): string {
    return this.#table;
  }

  /** Puts back what somebody else took away: our table, and what lets our bridges through in others'. */
  restore(): Promise<void> {
    if (this.#bridges.size === 0) return Promise.resolve();
    return this.#change(async () => {
      const count = await this.#options.rules.call('countRules', 'ip', this.#table);
      if (count === this.#ruleCount) return this.#passOthers();
      this.#options.log.warn('firewall rules were taken away and are written again');
      this.#isThere = false;
      return this.#writeRules();
    });
  }

  /** Several at once, at the daemon's start. */
  addBridges(rules: readonly BridgeRules[]): Promise<void> {
    for (const one of rules) this.#bridges.set(one.bridge, one);
    return this.#change(() => this.#writeRules());
  }

  removeBridge(bridge: string): Promise<void> {
    if (!this.#bridges.delete(bridge)) return Promise.resolve();
    return this.#change(() => this.#writeRules());
  }

  addPorts(rules: readonly PortRule[]): Promise<void> {
    for (const rule of rules) this.#ports.add(rule);
    return this.#change(() => this.#changePorts({ add: rules, remove: [] }));
  }

  /** The same objects that were added. */
  removePorts(rules: readonly PortRule[]): Promise<void> {
    for (const rule of rules) this.#ports.delete(rule);
    return this.#change(() => this.#changePorts({ add: [], remove: rules }));
  }

  #change(work: () => Promise<void>): Promise<void> {
    if (!this.#options.isEnabled) return Promise.resolve();
    const change = this.#changing.then(work);
    this.#changing = change.catch(() => undefined);
    return change;
  }

  async #changePorts(change: {
    readonly add: readonly PortRule[];
    readonly remove: readonly PortRule[];
  }): Promise<void> {
    if (change.add.length + change.remove.length === 0) return;
    try {
      await this.#options.rules.call('changePorts', this.#table, change);
    } catch (error) {
      // Somebody flushed the rule set: all of ours is written anew.
      if (!hasErrno(error, 'ENOENT')) throw error;
      this.#isThere = false;
      await this.#writeRules();
    }
  }

  /** In one transaction; published ports stay unless the table is new. */
  async #writeRules(): Promise<void> {
    const table = `ip ${this.#table}`;
    const isNew = !this.#isThere;
    const reset = isNew
      ? `add table ${table}\ndelete table ${table}\n`
      : CHAINS.map((chain) => `flush chain ${table} ${chain}\n`).join('');
    try {
      await runTool('nft', ['-f', '-'], `${reset}${this.#script(table)}`);
    } catch (error) {
      if (isNew) throw error;
      this.#isThere = false;
      return this.#writeRules();
    }
    this.#isThere = true;
    this.#ruleCount = await this.#options.rules.call('countRules', 'ip', this.#table);
    if (isNew) await this.#changePorts({ add: [...this.#ports], remove: [] });
    await this.#passOthers();
  }

  /** Where others refuse what they do not know, our bridges are let through. */
  async #passOthers(): Promise<void> {
    const bridges = [...this.#bridges.keys()];
    await this.#policy.apply(bridges);
    try {
      await this.#zone.apply(bridges);
    } catch (error) {
      const fields = { error: errorMessage(error) };
      this.#options.log.warn('firewalld does not take our bridges', fields);
    }
  }

  #script(table: string): string {
    const bridges = [...this.#bridges.values()];
    const { usesProxy } = this.#options;
    const lines = (rules: readonly string[]): string =>
      rules.map((rule) => `    ${rule}\n`).join('');
    return `table ${table} {
  map ${PORT_MAPS.everyAddress} { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map ${PORT_MAPS.oneAddress} { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  chain ports {
    dnat ip to ip daddr . meta l4proto . th dport map @${PORT_MAPS.oneAddress}
    dnat ip to meta l4proto . th dport map @${PORT_MAPS.everyAddress}
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 127.0.0.0/8 return
${lines(usesProxy ? [`${among('iifname', bridges)} return`] : [])}    fib daddr type local jump ports
  }
  chain output {
    type nat hook output priority -100; policy accept;
${lines(usesProxy ? ['ip daddr 127.0.0.0/8 return'] : [])}    fib daddr type local jump ports
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
${lines(bridges.flatMap((rules) => sourceRules(rules, usesProxy)))}  }
  chain forward {
    type filter hook forward priority filter; policy accept;
${lines(forwardRules(bridges))}  }
}
`;
  }

  /** Removes all of it. */
  async close(): Promise<void> {
    this.#bridges.clear();
    this.#ports.clear();
    await this.#change(async () => {
      const table = `ip ${this.#table}`;
      await runTool('nft', ['-f', '-'], `add table ${table}\ndelete table ${table}\n`);
      this.#isThere = false;
      await this.#passOthers();
    });
  }
}

/** Matches when the link is one of the bridges; nothing at all when there are none. */
const among = (what: 'iifname' | 'oifname', bridges: readonly BridgeRules[]): string =>
  `${what} { ${['"-"', ...bridges.map(({ bridge }) => `"${bridge}"`)].join(', ')} }`;

function sourceRules(
  { bridge, subnet, masquerade, internal }: BridgeRules,
  usesProxy: boolean,
): string[] {
  return [
    ...(masquerade && !internal ? [`ip saddr ${subnet} oifname != "${bridge}" masquerade`] : []),
    // Without a proxy an answer must come back through us to be translated back.
    ...(usesProxy
      ? []
      : [
          `oifname "${bridge}" fib saddr type local masquerade`,
          `ip saddr ${subnet} oifname "${bridge}" ct status dnat masquerade`,
        ]),
  ];
}

function forwardRules(bridges: readonly BridgeRules[]): string[] {
  const ours = bridges.filter(({ isOurs }) => isOurs);
  return [
    'ct state established,related accept',
    ...bridges
      .filter(({ internal }) => internal)
      .flatMap(({ bridge }) => [
        `iifname "${bridge}" oifname != "${bridge}" drop`,
        `oifname "${bridge}" iifname != "${bridge}" drop`,
      ]),
    'ct status dnat accept',
    ...bridges.map(
      ({ bridge, icc }) => `iifname "${bridge}" oifname "${bridge}" ${icc ? 'accept' : 'drop'}`,
    ),
    `${among('iifname', bridges)} ${among('oifname', bridges)} drop`,
    `${among('oifname', ours)} drop`,
  ];
}
