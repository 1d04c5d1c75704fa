/**
 * Links, addresses and routes over rtnetlink (rtnetlink(7)), without starting a process. Calls are
 * synchronous and belong into a worker thread.
 */
import { closeSync } from 'node:fs';
import { checked, libcFunction, SyscallError } from './libc.ts';

const socketC = libcFunction('int socket(int domain, int type, int protocol)');
const sendC = libcFunction('int64 send(int fd, const void *data, size_t size, int flags)');
const recvC = libcFunction('int64 recv(int fd, void *data, size_t size, int flags)');

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_CREATE = 0x400;
const NLM_F_EXCL = 0x200;
const NLMSG_ERROR = 2;
const RTM = { newLink: 16, delLink: 17, getLink: 18, newAddr: 20, newRoute: 24 } as const;
const IFF_UP = 1;
const AF_INET = 2;
const HEADER_BYTES = 16;

/** Link attributes (linux/if_link.h). */
const IFLA = {
  address: 1,
  ifname: 3,
  mtu: 4,
  master: 10,
  linkinfo: 18,
  ifalias: 20,
  netNsFd: 28,
} as const;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const cString = (text: string): Buffer => Buffer.from(`${text}\0`);
const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');
const ipBytes = (ip: string): Buffer => Buffer.from(ip.split('.').map(Number));

function attribute(type: number, ...payload: readonly Buffer[]): Buffer {
  const body = Buffer.concat(payload);
  const length = 4 + body.length;
  const bytes = Buffer.alloc((length + 3) & ~3);
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  body.copy(bytes, 4);
  return bytes;
}

/** struct ifinfomsg. */
function linkMessage(index: number, flags = 0): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(flags, 12);
  return bytes;
}

export interface VethRequest {
  readonly hostName: string;
  readonly bridgeIndex: number;
  readonly peerName: string;
  readonly peerMac: string;
  /** Descriptor of the namespace the peer goes into. */
  readonly namespaceFd: number;
  readonly mtu: number;
}

/** A netlink socket; it stays with the network namespace it was opened in. */
export class Netlink implements Disposable {
  readonly #fd: number;
  #sequence = 1;
  readonly #buffer = Buffer.alloc(32 * 1024);

  constructor() {
    this.#fd = checked('socket', 'netlink', socketC, AF_NETLINK, SOCK_RAW_CLOEXEC, 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** Sends a request and waits for its answer. Throws SyscallError with the kernel's errno. */
  #request(type: number, flags: number, body: Buffer, subject: string): Buffer | undefined {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(HEADER_BYTES + body.length, 0);
    header.writeUInt16LE(type, 4);
    header.writeUInt16LE(flags | NLM_F_REQUEST, 6);
    header.writeUInt32LE(this.#sequence++, 8);
    const message = Buffer.concat([header, body]);
    checked('send', `netlink ${subject}`, sendC, this.#fd, message, message.length, 0);
    const size = checked(
      'recv',
      `netlink ${subject}`,
      recvC,
      this.#fd,
      this.#buffer,
      this.#buffer.length,
      0,
    );
    const answer = this.#buffer.subarray(0, size);
    if (answer.readUInt16LE(4) !== NLMSG_ERROR) return Buffer.from(answer);
    const errno = -answer.readInt32LE(HEADER_BYTES);
    if (errno !== 0) throw new SyscallError('netlink', errno, subject);
    return undefined;
  }

  /** Index of a link by name; undefined when there is none. */
  indexOf(name: string): number | undefined {
    const body = Buffer.concat([linkMessage(0), attribute(IFLA.ifname, cString(name))]);
    try {
      return this.#request(RTM.getLink, 0, body, name)?.readInt32LE(HEADER_BYTES + 4);
    } catch (error) {
      if (error instanceof SyscallError && error.code === 'ENODEV') return undefined;
      throw error;
    }
  }

  createBridge(name: string, options: { mac: string; mtu: number; alias: string }): void {
    this.#request(
      RTM.newLink,
      NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
      Buffer.concat([
        linkMessage(0),
        attribute(IFLA.ifname, cString(name)),
        attribute(IFLA.address, macBytes(options.mac)),
        attribute(IFLA.mtu, u32(options.mtu)),
        attribute(IFLA.linkinfo, attribute(IFLA_INFO_KIND, cString('bridge'))),
      ]),
      `add bridge ${name}`,
    );
    this.#request(
      RTM.newLink,
      NLM_F_ACK,
      Buffer.concat([
        linkMessage(this.indexOf(name) ?? 0),
        attribute(IFLA.ifalias, cString(options.alias)),
      ]),
      `name the owner of ${name}`,
    );
  }

  /**
   * A veth pair in one message: our end up and on the bridge, the other under its name in the namespace.
   * The peer is not set up here: the kernel refuses that (ENOTCONN).
   */
  createVeth(request: VethRequest): void {
    const peer = attribute(
      VETH_INFO_PEER,
      linkMessage(0),
      attribute(IFLA.ifname, cString(request.peerName)),
      attribute(IFLA.address, macBytes(request.peerMac)),
      attribute(IFLA.mtu, u32(request.mtu)),
      attribute(IFLA.netNsFd, u32(request.namespaceFd)),
    );
    this.#request(
      RTM.newLink,
      NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
      Buffer.concat([
        linkMessage(0, IFF_UP),
        attribute(IFLA.ifname, cString(request.hostName)),
        attribute(IFLA.mtu, u32(request.mtu)),
        attribute(IFLA.master, u32(request.bridgeIndex)),
        attribute(
          IFLA.linkinfo,
          attribute(IFLA_INFO_KIND, cString('veth')),
          attribute(IFLA_INFO_DATA, peer),
        ),
      ]),
      `add veth ${request.hostName}`,
    );
  }

  setUp(index: number): void {
    this.#request(RTM.newLink, NLM_F_ACK, linkMessage(index, IFF_UP), `set link ${index} up`);
  }

  /** A link that is gone is no error. */
  deleteLink(name: string): void {
    const index = this.indexOf(name);
    if (index !== undefined)
      this.#request(RTM.delLink, NLM_F_ACK, linkMessage(index), `delete link ${name}`);
  }

  /** Adds an IPv4 address; one that is there already is fine. */
  addAddress(index: number, ip: string, prefix: number): void {
    const message = Buffer.alloc(8);
    message.writeUInt8(AF_INET, 0);
    message.writeUInt8(prefix, 1);
    message.writeUInt32LE(index, 4);
    const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
    const broadcast = u32(0);
    broadcast.writeUInt32BE((ipBytes(ip).readUInt32BE() | ~mask) >>> 0);
    const body = Buffer.concat([
      message,
      attribute(2, ipBytes(ip)),
      attribute(1, ipBytes(ip)),
      attribute(4, broadcast),
    ]);
    try {
      this.#request(
        RTM.newAddr,
        NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
        body,
        `add ${ip}/${prefix}`,
      );
    } catch (error) {
      if (!(error instanceof SyscallError) || error.code !== 'EEXIST') throw error;
    }
  }

  /** The default route, in the main table. */
  addDefaultRoute(gateway: string): void {
    const message = Buffer.from([AF_INET, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
    this.#request(
      RTM.newRoute,
      NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
      Buffer.concat([message, attribute(5, ipBytes(gateway))]),
      `default route via ${gateway}`,
    );
  }
}
