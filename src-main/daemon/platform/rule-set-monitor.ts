/**
 * Hears of changes of this network namespace's nf_tables rule set, whoever makes them (also through
 * iptables-nft): nfnetlink's group of them, told by a signal, so that nothing waits and nothing polls.
 */
import { parseAttributes, textOf } from './netlink-attributes.ts';
import { NETLINK_NETFILTER, NFTABLES_SUBSYSTEM } from './netlink-nftables.ts';
import { type NetlinkAnswer, NetlinkSocket } from './netlink-socket.ts';

const NFNLGRP_NFTABLES = 7;
/** struct nfgenmsg, before the attributes. */
const HEADER_BYTES = 4;

/** By message number: what happened, and which attribute names the chain. */
const MESSAGES = new Map<number, { readonly kind: RuleSetChange['kind']; readonly chain: number }>([
  [0, { kind: 'table added', chain: 0 }],
  [2, { kind: 'table deleted', chain: 0 }],
  [3, { kind: 'chain changed', chain: 3 }],
  [5, { kind: 'chain deleted', chain: 3 }],
  [6, { kind: 'rule added', chain: 2 }],
  [8, { kind: 'rule deleted', chain: 2 }],
]);

/** `unknown`: the kernel had to drop messages, anything may have happened. */
export interface RuleSetChange {
  readonly kind:
    | 'table added'
    | 'table deleted'
    | 'chain changed'
    | 'chain deleted'
    | 'rule added'
    | 'rule deleted'
    | 'unknown';
  readonly table: string;
  readonly chain: string;
}

export class RuleSetMonitor implements Disposable {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER);
  readonly #onSignal: () => void;

  /** Throws SyscallError where the kernel or its rights do not have it. Belongs to the main thread. */
  constructor(onChanges: (changes: readonly RuleSetChange[]) => void) {
    this.#onSignal = () => {
      const changes = this.#socket.news()?.flatMap(changeOf) ?? [UNKNOWN];
      if (changes.length > 0) onChanges(changes);
    };
    // A signal that nobody hears would end the process: one listener stays, for those that come late.
    if (process.listenerCount('SIGIO') === 0) process.on('SIGIO', () => undefined);
    process.on('SIGIO', this.#onSignal);
    try {
      this.#socket.listen(NFNLGRP_NFTABLES);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    process.off('SIGIO', this.#onSignal);
  }
}

const UNKNOWN: RuleSetChange = { kind: 'unknown', table: '', chain: '' };

function changeOf({ type, body }: NetlinkAnswer): readonly RuleSetChange[] {
  const known = type >> 8 === NFTABLES_SUBSYSTEM ? MESSAGES.get(type & 255) : undefined;
  if (!known) return [];
  const attributes = parseAttributes(body.subarray(HEADER_BYTES));
  const table = textOf(attributes.get(1));
  return [{ kind: known.kind, table, chain: textOf(attributes.get(known.chain)) }];
}
