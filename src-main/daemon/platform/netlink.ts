/**
 * Links, addresses and routes over rtnetlink (rtnetlink(7)), without starting a process. Calls are
 * synchronous and belong into a worker thread.
 */
import { hasErrno } from './libc.ts';
import {
  attribute,
  cString,
  macBytes,
  nested,
  parseAttributes,
  textOf,
  u8,
  u16,
  u32,
} from './netlink-attributes.ts';
import { NetlinkSocket, NLM_F } from './netlink-socket.ts';

const NETLINK_ROUTE = 0;
const RTM = {
  newLink: 16,
  delLink: 17,
  getLink: 18,
  setLink: 19,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
  newRoute: 24,
  delRoute: 25,
} as const;
const IFF_UP = 1;
const AF = { unspec: 0, inet: 2, bridge: 7, inet6: 10 } as const;
const LINK_HEADER_BYTES = 16;
const ADDRESS_HEADER_BYTES = 8;

/** Link attributes (linux/if_link.h). */
const IFLA = {
  address: 1,
  ifname: 3,
  mtu: 4,
  link: 5,
  master: 10,
  protinfo: 12,
  linkinfo: 18,
  ifalias: 20,
  netNsFd: 28,
  linkNetNsId: 37,
} as const;
const IFLA_INFO = { kind: 1, data: 2 } as const;
const VETH_INFO_PEER = 1;
const MACVLAN_MODE = 1;
const IPVLAN = { mode: 1, flags: 2 } as const;
const VLAN_ID = 1;
const BRIDGE_PORT = { hairpin: 4, isolated: 33 } as const;
const IFA = { address: 1, local: 2, broadcast: 4, flags: 8 } as const;
/** The address is usable at once: nobody else can have it. */
const IFA_F_NODAD = 2;
const RTA = { oif: 4, gateway: 5 } as const;
const RT_SCOPE_LINK = 253;

export interface LinkInfo {
  readonly index: number;
  readonly name: string;
  /** '' when it has none. */
  readonly alias: string;
  /** `bridge`, `veth`…; '' for hardware. */
  readonly kind: string;
  /** Of the link it is made on, or of its other end; 0 when it has none. */
  readonly peerIndex: number;
  /** That one is in another namespace. */
  readonly isPeerElsewhere: boolean;
  /** Of the bridge it is a port of; 0 when it is none's. */
  readonly masterIndex: number;
}

export interface LinkAddress {
  readonly family: 4 | 6;
  readonly bytes: Buffer;
  readonly prefix: number;
}

/** An address as the kernel wants it: 4 or 16 bytes. */
export type AddressBytes = Buffer;

export interface VethRequest {
  readonly hostName: string;
  readonly bridgeIndex: number;
  readonly peerName: string;
  readonly peerMac: string;
  /** Descriptor of the namespace the peer goes into. */
  readonly namespaceFd: number;
  readonly mtu: number;
}

/** A macvlan or ipvlan link, made on a link of this namespace and put into another. */
export interface VlanRequest {
  readonly kind: 'macvlan' | 'ipvlan';
  readonly name: string;
  readonly parentIndex: number;
  readonly mode: number;
  readonly flag: number;
  /** '' = the kernel's choice. */
  readonly mac: string;
  readonly namespaceFd: number;
}

const familyOf = (address: AddressBytes): number => (address.length === 4 ? AF.inet : AF.inet6);

/** struct ifinfomsg. */
function linkHeader(index: number, flags = 0, family: number = AF.unspec): Buffer {
  const bytes = Buffer.alloc(LINK_HEADER_BYTES);
  bytes.writeUInt8(family, 0);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  bytes.writeUInt32LE(flags, 12);
  return bytes;
}

/** struct ifaddrmsg. */
function addressHeader(index: number, family: number, prefix: number): Buffer {
  const bytes = Buffer.alloc(ADDRESS_HEADER_BYTES);
  bytes.writeUInt8(family, 0);
  bytes.writeUInt8(prefix, 1);
  bytes.writeUInt32LE(index, 4);
  return bytes;
}

function parseLink(body: Buffer): LinkInfo {
  const attributes = parseAttributes(body.subarray(LINK_HEADER_BYTES));
  const info = parseAttributes(attributes.get(IFLA.linkinfo) ?? Buffer.alloc(0));
  return {
    index: body.readInt32LE(4),
    name: textOf(attributes.get(IFLA.ifname)),
    alias: textOf(attributes.get(IFLA.ifalias)),
    kind: textOf(info.get(IFLA_INFO.kind)),
    peerIndex: attributes.get(IFLA.link)?.readInt32LE() ?? 0,
    isPeerElsewhere: attributes.has(IFLA.linkNetNsId),
    masterIndex: attributes.get(IFLA.master)?.readInt32LE() ?? 0,
  };
}

/** Speaks rtnetlink in the network namespace it was made in. */
export class Netlink implements Disposable {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE);

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** Undefined when there is none of that name. */
  link(name: string): LinkInfo | undefined {
    const body = Buffer.concat([linkHeader(0), attribute(IFLA.ifname, cString(name))]);
    try {
      const [answer] = this.#socket.request({ type: RTM.getLink, body, subject: name });
      return answer ? parseLink(answer) : undefined;
    } catch (error) {
      if (hasErrno(error, 'ENODEV')) return undefined;
      throw error;
    }
  }

  links(): readonly LinkInfo[] {
    const message = { type: RTM.getLink, body: linkHeader(0), subject: 'links' };
    return this.#socket.dump(message).map(parseLink);
  }

  createBridge(name: string, options: { mac: string; mtu: number; alias: string }): void {
    this.#socket.request({
      type: RTM.newLink,
      flags: NLM_F.create | NLM_F.excl,
      body: Buffer.concat([
        linkHeader(0),
        attribute(IFLA.ifname, cString(name)),
        attribute(IFLA.address, macBytes(options.mac)),
        attribute(IFLA.mtu, u32(options.mtu)),
        nested(IFLA.linkinfo, attribute(IFLA_INFO.kind, cString('bridge'))),
      ]),
      subject: `add bridge ${name}`,
    });
    this.setAlias(this.link(name)?.index ?? 0, options.alias);
  }

  setAlias(index: number, alias: string): void {
    this.#socket.request({
      type: RTM.newLink,
      body: Buffer.concat([linkHeader(index), attribute(IFLA.ifalias, cString(alias))]),
      subject: `name the owner of link ${index}`,
    });
  }

  /**
   * A veth pair in one message: our end up and on the bridge, the other under its name in the namespace.
   * The peer is not set up here: the kernel refuses that (ENOTCONN).
   */
  createVeth(request: VethRequest): void {
    const peer = nested(
      VETH_INFO_PEER,
      linkHeader(0),
      attribute(IFLA.ifname, cString(request.peerName)),
      attribute(IFLA.address, macBytes(request.peerMac)),
      attribute(IFLA.mtu, u32(request.mtu)),
      attribute(IFLA.netNsFd, u32(request.namespaceFd)),
    );
    const kind = attribute(IFLA_INFO.kind, cString('veth'));
    this.#socket.request({
      type: RTM.newLink,
      flags: NLM_F.create | NLM_F.excl,
      body: Buffer.concat([
        linkHeader(0, IFF_UP),
        attribute(IFLA.ifname, cString(request.hostName)),
        attribute(IFLA.mtu, u32(request.mtu)),
        attribute(IFLA.master, u32(request.bridgeIndex)),
        nested(IFLA.linkinfo, kind, nested(IFLA_INFO.data, peer)),
      ]),
      subject: `add veth ${request.hostName}`,
    });
  }

  /** Throws EOPNOTSUPP when the kernel does not know the kind. */
  createVlan(request: VlanRequest): void {
    const data =
      request.kind === 'macvlan'
        ? [attribute(MACVLAN_MODE, u32(request.mode))]
        : [attribute(IPVLAN.mode, u16(request.mode)), attribute(IPVLAN.flags, u16(request.flag))];
    const kind = attribute(IFLA_INFO.kind, cString(request.kind));
    this.#socket.request({
      type: RTM.newLink,
      flags: NLM_F.create | NLM_F.excl,
      body: Buffer.concat([
        linkHeader(0),
        attribute(IFLA.ifname, cString(request.name)),
        attribute(IFLA.link, u32(request.parentIndex)),
        ...(request.mac === '' ? [] : [attribute(IFLA.address, macBytes(request.mac))]),
        attribute(IFLA.netNsFd, u32(request.namespaceFd)),
        nested(IFLA.linkinfo, kind, nested(IFLA_INFO.data, ...data)),
      ]),
      subject: `add ${request.kind} ${request.name}`,
    });
  }

  /** A VLAN on a link, or a link that leads nowhere (`dummy`). */
  createParent(name: string, vlan?: { readonly parentIndex: number; readonly id: number }): void {
    const kind = attribute(IFLA_INFO.kind, cString(vlan ? 'vlan' : 'dummy'));
    const data = vlan ? [nested(IFLA_INFO.data, attribute(VLAN_ID, u16(vlan.id)))] : [];
    this.#socket.request({
      type: RTM.newLink,
      flags: NLM_F.create | NLM_F.excl,
      body: Buffer.concat([
        linkHeader(0),
        attribute(IFLA.ifname, cString(name)),
        ...(vlan ? [attribute(IFLA.link, u32(vlan.parentIndex))] : []),
        nested(IFLA.linkinfo, kind, ...data),
      ]),
      subject: `add link ${name}`,
    });
  }

  /**
   * How a bridge treats a port. `isolated`: it exchanges nothing with other isolated ports (a network with
   * inter-container communication off). `hairpin`: a frame may leave by the port it came from.
   */
  setBridgePort(index: number, options: { isolated: boolean; hairpin: boolean }): void {
    this.#socket.request({
      type: RTM.setLink,
      body: Buffer.concat([
        linkHeader(index, 0, AF.bridge),
        nested(
          IFLA.protinfo,
          attribute(BRIDGE_PORT.hairpin, u8(options.hairpin ? 1 : 0)),
          attribute(BRIDGE_PORT.isolated, u8(options.isolated ? 1 : 0)),
        ),
      ]),
      subject: `set bridge port ${index}`,
    });
  }

  setUp(index: number): void {
    const subject = `set link ${index} up`;
    this.#socket.request({ type: RTM.newLink, body: linkHeader(index, IFF_UP), subject });
  }

  setMtu(index: number, mtu: number): void {
    const body = Buffer.concat([linkHeader(index), attribute(IFLA.mtu, u32(mtu))]);
    this.#socket.request({ type: RTM.newLink, body, subject: `set mtu of link ${index}` });
  }

  /** A link that is gone is no error. */
  deleteLink(name: string): void {
    const link = this.link(name);
    if (!link) return;
    const subject = `delete link ${name}`;
    try {
      this.#socket.request({ type: RTM.delLink, body: linkHeader(link.index), subject });
    } catch (error) {
      if (!hasErrno(error, 'ENODEV')) throw error;
    }
  }

  addresses(index: number): readonly LinkAddress[] {
    const body = addressHeader(0, AF.unspec, 0);
    return this.#socket
      .dump({ type: RTM.getAddress, body, subject: 'addresses' })
      .filter((answer) => answer.readUInt32LE(4) === index)
      .flatMap((answer) => {
        const attributes = parseAttributes(answer.subarray(ADDRESS_HEADER_BYTES));
        const bytes = attributes.get(IFA.local) ?? attributes.get(IFA.address);
        const family = answer.readUInt8(0) === AF.inet ? 4 : 6;
        return bytes ? [{ family, bytes, prefix: answer.readUInt8(1) } as const] : [];
      });
  }

  /** One that is there already is fine. */
  addAddress(index: number, address: AddressBytes, prefix: number): void {
    const isV4 = address.length === 4;
    try {
      this.#socket.request({
        type: RTM.newAddress,
        flags: NLM_F.create | NLM_F.excl,
        body: Buffer.concat([
          addressHeader(index, familyOf(address), prefix),
          attribute(IFA.local, address),
          attribute(IFA.address, address),
          isV4
            ? attribute(IFA.broadcast, broadcastOf(address, prefix))
            : attribute(IFA.flags, u32(IFA_F_NODAD)),
        ]),
        subject: `add address /${prefix} to link ${index}`,
      });
    } catch (error) {
      if (!hasErrno(error, 'EEXIST')) throw error;
    }
  }

  /** One that is gone is fine. */
  deleteAddress(index: number, address: AddressBytes, prefix: number): void {
    try {
      this.#socket.request({
        type: RTM.delAddress,
        body: Buffer.concat([
          addressHeader(index, familyOf(address), prefix),
          attribute(IFA.local, address),
        ]),
        subject: `delete address /${prefix} of link ${index}`,
      });
    } catch (error) {
      if (!hasErrno(error, 'EADDRNOTAVAIL')) throw error;
    }
  }

  /** The default route of the gateway's family, in the main table; takes the place of another. */
  setDefaultRoute(gateway: AddressBytes): void {
    const family = familyOf(gateway);
    if (family === AF.inet6) this.deleteDefaultRoute(6);
    this.#socket.request({
      type: RTM.newRoute,
      flags: NLM_F.create | NLM_F.replace,
      body: Buffer.concat([routeHeader(family), attribute(RTA.gateway, gateway)]),
      subject: 'set default route',
    });
  }

  /** The default route of a family leads to the link itself. */
  setDefaultRouteOn(index: number, family: 4 | 6): void {
    const header = routeHeader(family === 4 ? AF.inet : AF.inet6, RT_SCOPE_LINK);
    this.#socket.request({
      type: RTM.newRoute,
      flags: NLM_F.create | NLM_F.replace,
      body: Buffer.concat([header, attribute(RTA.oif, u32(index))]),
      subject: 'set default route',
    });
  }

  /** None there is fine. */
  deleteDefaultRoute(family: 4 | 6): void {
    const body = routeHeader(family === 4 ? AF.inet : AF.inet6);
    try {
      this.#socket.request({ type: RTM.delRoute, body, subject: 'delete default route' });
    } catch (error) {
      if (!hasErrno(error, 'ESRCH', 'ENETUNREACH')) throw error;
    }
  }
}

/** struct rtmsg of a unicast default route in the main table. */
const routeHeader = (family: number, scope = 0): Buffer =>
  Buffer.from([family, 0, 0, 0, 254, 3, scope, 1, 0, 0, 0, 0]);

function broadcastOf(address: AddressBytes, prefix: number): Buffer {
  const hostBits = prefix === 0 ? 0xffffffff : 2 ** (32 - prefix) - 1;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((address.readUInt32BE() | hostBits) >>> 0);
  return bytes;
}
