/**
 * The few changes of nf_tables that are made per container, over nfnetlink in one transaction instead of
 * a process (linux/netfilter/nf_tables.h). Rule sets as a whole are written with nft(8).
 */
import { attribute, be16, be32, cString, nested, padded } from './netlink-attributes.ts';
import { type NetlinkMessage, NetlinkSocket, NLM_F } from './netlink-socket.ts';

export const NETLINK_NETFILTER = 12;
export const NFTABLES_SUBSYSTEM = 10;
const BATCH = { begin: 0x10, end: 0x11 } as const;
const NFT_MSG = {
  newTable: 0,
  deleteTable: 2,
  newChain: 3,
  newRule: 6,
  getRule: 7,
  newElement: 12,
  deleteElement: 14,
} as const;
/** NFPROTO_IPV4, NFPROTO_INET. */
const AF = { inet: 2, both: 1 } as const;
const LIST_ELEMENT = 1;
const DATA_VALUE = 1;

/** struct nfgenmsg. */
const header = (family: number, resource = 0): Buffer =>
  Buffer.concat([Buffer.from([family, 0]), be16(resource)]);

/** Key and value of a map; each part fills whole 32-bit words. */
export interface MapElement {
  readonly map: string;
  readonly key: readonly Buffer[];
  readonly value: readonly Buffer[];
}

const joined = (parts: readonly Buffer[]): Buffer => Buffer.concat(parts.map(padded));

/** Changes elements of maps of one `ip` table: all or nothing. Throws SyscallError (ENOENT: no table). */
export function changeMapElements(
  table: string,
  changes: { readonly add: readonly MapElement[]; readonly remove: readonly MapElement[] },
): void {
  const message = (type: number, element: MapElement): NetlinkMessage => ({
    type: (NFTABLES_SUBSYSTEM << 8) | type,
    flags: NLM_F.ack | (type === NFT_MSG.newElement ? NLM_F.create : 0),
    body: Buffer.concat([
      header(AF.inet),
      attribute(1, cString(table)),
      attribute(2, cString(element.map)),
      nested(
        3,
        nested(
          LIST_ELEMENT,
          nested(1, attribute(DATA_VALUE, joined(element.key))),
          ...(type === NFT_MSG.newElement
            ? [nested(2, attribute(DATA_VALUE, joined(element.value)))]
            : []),
        ),
      ),
    ]),
    subject: `element of ${element.map}`,
  });
  commit([
    ...changes.remove.map((element) => message(NFT_MSG.deleteElement, element)),
    ...changes.add.map((element) => message(NFT_MSG.newElement, element)),
  ]);
}

/** Connections to `address:port` of one protocol go to another port of the same address. */
export interface LocalRedirect {
  readonly protocol: 'tcp' | 'udp';
  /** Four bytes. */
  readonly address: Buffer;
  readonly port: number;
  readonly toPort: number;
}

/**
 * Makes a table that redirects what starts in this network namespace. `replaces`: one of that name may be
 * there (deleting costs an RCU grace period, so a fresh namespace is spared it).
 */
export function redirectLocal(
  table: string,
  redirects: readonly LocalRedirect[],
  options: { readonly replaces: boolean },
): void {
  const message = (type: number, flags: number, ...body: Buffer[]): NetlinkMessage => ({
    type: (NFTABLES_SUBSYSTEM << 8) | type,
    flags: flags | NLM_F.ack,
    body: Buffer.concat([header(AF.inet), ...body]),
    subject: `table ${table}`,
  });
  const name = attribute(1, cString(table));
  const chain = 'output';
  commit([
    ...(options.replaces
      ? [message(NFT_MSG.newTable, NLM_F.create, name), message(NFT_MSG.deleteTable, 0, name)]
      : []),
    message(NFT_MSG.newTable, NLM_F.create, name),
    message(
      NFT_MSG.newChain,
      NLM_F.create,
      name,
      attribute(3, cString(chain)),
      nested(4, attribute(1, be32(HOOK_OUTPUT)), attribute(2, be32(PRIORITY_DNAT))),
      attribute(7, cString('nat')),
    ),
    ...redirects.map((redirect) =>
      message(
        NFT_MSG.newRule,
        NLM_F.create | NLM_F.append,
        name,
        attribute(2, cString(chain)),
        nested(4, ...redirectExpressions(redirect)),
      ),
    ),
  ]);
}

const HOOK_OUTPUT = 3;
const PRIORITY_DNAT = -100;
const REGISTER = { first: 1, second: 2 } as const;
const PAYLOAD = { network: 1, transport: 2 } as const;
const META_L4PROTO = 16;
const PROTOCOL_NUMBER = { tcp: 6, udp: 17 } as const;
const NAT_DESTINATION = 1;

const expression = (name: string, ...data: Buffer[]): Buffer =>
  nested(LIST_ELEMENT, attribute(1, cString(name)), nested(2, ...data));

const equals = (value: Buffer): Buffer =>
  expression(
    'cmp',
    attribute(1, be32(REGISTER.first)),
    attribute(2, be32(0)),
    nested(3, attribute(DATA_VALUE, value)),
  );

const payload = (base: number, offset: number, length: number): Buffer =>
  expression(
    'payload',
    ...[REGISTER.first, base, offset, length].map((value, at) => attribute(at + 1, be32(value))),
  );

const load = (register: number, value: Buffer): Buffer =>
  expression('immediate', attribute(1, be32(register)), nested(2, attribute(DATA_VALUE, value)));

function redirectExpressions(redirect: LocalRedirect): Buffer[] {
  return [
    payload(PAYLOAD.network, 16, 4),
    equals(redirect.address),
    expression('meta', attribute(1, be32(REGISTER.first)), attribute(2, be32(META_L4PROTO))),
    equals(Buffer.from([PROTOCOL_NUMBER[redirect.protocol]])),
    payload(PAYLOAD.transport, 2, 2),
    equals(be16(redirect.port)),
    load(REGISTER.first, redirect.address),
    load(REGISTER.second, be16(redirect.toPort)),
    expression(
      'nat',
      attribute(1, be32(NAT_DESTINATION)),
      attribute(2, be32(AF.inet)),
      attribute(3, be32(REGISTER.first)),
      attribute(5, be32(REGISTER.second)),
    ),
  ];
}

/** How many rules a table of the family `ip` or `inet` has; 0 when there is no such table. */
export function countRules(family: 'ip' | 'inet', table: string): number {
  using socket = new NetlinkSocket(NETLINK_NETFILTER);
  const rules = socket.dump({
    type: (NFTABLES_SUBSYSTEM << 8) | NFT_MSG.getRule,
    body: Buffer.concat([
      header(family === 'ip' ? AF.inet : AF.both),
      attribute(1, cString(table)),
    ]),
    subject: `rules of ${table}`,
  });
  return rules.length;
}

function commit(messages: readonly NetlinkMessage[]): void {
  using socket = new NetlinkSocket(NETLINK_NETFILTER);
  const edge = (type: number): NetlinkMessage => ({
    type,
    body: header(0, NFTABLES_SUBSYSTEM),
    subject: 'nf_tables transaction',
  });
  socket.transaction([edge(BATCH.begin), ...messages, edge(BATCH.end)]);
}
