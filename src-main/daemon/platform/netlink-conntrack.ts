/** Connection tracking over ctnetlink: flows that point to where nobody is any more are forgotten. */
import { hasErrno } from './libc.ts';
import { attribute, parseAttributes } from './netlink-attributes.ts';
import { NetlinkSocket } from './netlink-socket.ts';

const NETLINK_NETFILTER = 12;
const SUBSYSTEM = 1 << 8;
const IPCTNL = { get: 1, delete: 2 } as const;
const AF_INET = 2;
const GENERIC_HEADER_BYTES = 4;
const CTA_TUPLE_ORIGINAL = 1;
const NESTED = 0x8000;
const CTA_TUPLE = { ip: 1, protocol: 2 } as const;
const CTA_PROTO = { number: 1, destinationPort: 3 } as const;
const UDP = 17;

const header = Buffer.from([AF_INET, 0, 0, 0]);

/**
 * Forgets UDP flows to these ports of this machine, so that a client which keeps its source port reaches
 * the new container and not the address of the old one (libnetwork iptables/conntrack.go).
 */
export function forgetUdpFlows(ports: ReadonlySet<number>): void {
  using socket = new NetlinkSocket(NETLINK_NETFILTER);
  const flows = socket.dump({
    type: SUBSYSTEM | IPCTNL.get,
    body: header,
    subject: 'connection tracking',
  });
  for (const flow of flows) {
    const attributes = parseAttributes(flow.subarray(GENERIC_HEADER_BYTES));
    const original = attributes.get(CTA_TUPLE_ORIGINAL);
    if (!original || !ports.has(udpDestination(original))) continue;
    try {
      socket.request({
        type: SUBSYSTEM | IPCTNL.delete,
        body: Buffer.concat([header, attribute(CTA_TUPLE_ORIGINAL | NESTED, original)]),
        subject: 'forget a flow',
      });
    } catch (error) {
      // It expired by itself.
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
  }
}

/** -1 for other protocols. */
function udpDestination(tuple: Buffer): number {
  const parts = parseAttributes(tuple);
  const protocol = parseAttributes(parts.get(CTA_TUPLE.protocol) ?? Buffer.alloc(0));
  if (protocol.get(CTA_PROTO.number)?.readUInt8(0) !== UDP) return -1;
  return protocol.get(CTA_PROTO.destinationPort)?.readUInt16BE(0) ?? -1;
}
