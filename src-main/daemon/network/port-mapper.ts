/** Published ports of containers: chosen, held, translated, given back (moby libnetwork drivers/bridge/port_mapping.go). */
import { isIPv4, isIPv6 } from 'node:net';
import { internal, invalidArgument } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { hasErrno } from '../platform/libc.ts';
import type { WorkerClient } from '../platform/worker-client.ts';
import type { Firewall } from './firewall.ts';
import type { LinkCalls, PortRule } from './link-calls.ts';
import type { PortBinding, PortMap } from './network-controller.ts';
import type { OuterPorts } from './outer-ports.ts';
import { allPortsTaken, PortAllocator, PortTakenError, parseHostPort } from './port-allocator.ts';
import type { ProxyCalls } from './proxy-calls.ts';

export interface MappingRequest {
  readonly containerId: string;
  /** Where it is reached; undefined without an address of that family. */
  readonly address4: string | undefined;
  readonly address6: string | undefined;
  readonly exposedPorts: readonly string[];
  readonly bindings: PortMap;
  readonly publishAll: boolean;
  /** Where unaddressed ports are bound. */
  readonly defaultIp: string;
}

export interface PortMapperOptions {
  readonly firewall: Firewall;
  readonly rules: WorkerClient<LinkCalls>;
  readonly proxies: WorkerClient<ProxyCalls>;
  /** Local connections are forwarded; without it the rules do that, for IPv4. */
  readonly usesProxy: boolean;
  /** False when the kernel has no IPv6. */
  readonly hasIPv6: boolean;
  /** Where ports must be opened outside of our own network too. */
  readonly outer?: OuterPorts | undefined;
  readonly log: Log;
}

/** One port on one address of the host. */
interface Mapping extends PortRule {
  readonly proxyId: number;
  /** Of the port outside; undefined when there is no outside. */
  readonly outerId: number | undefined;
}

type Wish = Omit<PortRule, 'hostPort'>;
const ANY: PortBinding = { HostIp: '', HostPort: '' };
const PROTOCOLS: readonly string[] = ['tcp', 'udp', 'sctp'];

export class PortMapper {
  readonly #options: PortMapperOptions;
  readonly #allocator = new PortAllocator();
  readonly #mappings = new Map<string, readonly Mapping[]>();

  constructor(options: PortMapperOptions) {
    this.#options = options;
  }

  /** Publishes all of a container's ports; answers NetworkSettings.Ports. On failure nothing stays. */
  async publish(request: MappingRequest): Promise<PortMap> {
    await using undo = new AsyncDisposableStack();
    const done: Mapping[] = [];
    undo.defer(() => this.#release(done));
    const shown = new Map<string, PortBinding[] | null>();
    for (const [port, bindings] of wanted(request)) {
      const rows: PortBinding[] = [];
      for (const binding of bindings ?? []) {
        const opened = await this.#open(this.#wishes(request, port, binding), binding.HostPort);
        done.push(...opened);
        rows.push(...opened.map((one) => ({ HostIp: one.hostIp, HostPort: `${one.hostPort}` })));
      }
      shown.set(port, bindings && rows);
    }
    await this.#options.firewall.addPorts(translated(done));
    await this.#forgetFlows(done);
    this.#mappings.set(request.containerId, done);
    undo.move();
    return Object.fromEntries(shown);
  }

  /** After a restart of the daemon: the same ports again. One that is lost meanwhile is only logged. */
  async restore(request: MappingRequest): Promise<void> {
    const done: Mapping[] = [];
    for (const [port, bindings] of Object.entries(request.bindings)) {
      for (const binding of bindings ?? []) {
        try {
          const wishes = this.#wishes(request, port, binding);
          done.push(...(await this.#open(wishes, binding.HostPort)));
        } catch (error) {
          const fields = { container: request.containerId, port, error: String(error) };
          this.#options.log.error('published port could not be taken up again', fields);
        }
      }
    }
    await this.#options.firewall.addPorts(translated(done));
    this.#mappings.set(request.containerId, done);
  }

  /** A binding without address means every address of both families. */
  #wishes(request: MappingRequest, port: string, binding: PortBinding): readonly Wish[] {
    const { number, protocol } = parsePort(port);
    const { usesProxy, hasIPv6 } = this.#options;
    const { address4, defaultIp } = request;
    // The proxy carries IPv6 also to a container that has none, but no SCTP.
    const viaProxy = request.address6 ?? (usesProxy ? address4 : undefined);
    const address6 = protocol === 'sctp' ? undefined : viaProxy;
    const { HostIp: asked } = binding;
    if (asked !== '' && !isIPv4(asked) && !isIPv6(asked))
      throw invalidArgument(`invalid host address in port binding: ${asked}`);
    const hostIp = asked || defaultIp;
    const hostIps = asked === '' && hostIp === '0.0.0.0' && hasIPv6 ? [hostIp, '::'] : [hostIp];
    return hostIps.flatMap((ip) => {
      const containerIp = isIPv6(ip) ? address6 : address4;
      return containerIp === undefined
        ? []
        : [{ protocol, hostIp: ip, containerIp, containerPort: number }];
    });
  }

  /** The same host port for all wishes. */
  async #open(wishes: readonly Wish[], hostPort: string): Promise<readonly Mapping[]> {
    if (wishes.length === 0) return [];
    const range = parseHostPort(hostPort);
    let failure: PortTakenError | undefined;
    for (const port of this.#allocator.candidates(range)) {
      try {
        return await this.#openAll(wishes, port);
      } catch (error) {
        if (!(error instanceof PortTakenError)) throw error;
        failure = error;
      }
    }
    const isOnePort = range !== undefined && range.first === range.last;
    throw isOnePort && failure ? failure : allPortsTaken();
  }

  async #openAll(wishes: readonly Wish[], hostPort: number): Promise<readonly Mapping[]> {
    await using undo = new AsyncDisposableStack();
    const done: Mapping[] = [];
    undo.defer(() => this.#close(done));
    for (const wish of wishes) {
      this.#allocator.claim(wish.protocol, wish.hostIp, hostPort);
      undo.defer(() => this.#allocator.release(wish.protocol, wish.hostIp, hostPort));
      const rule: PortRule = { ...wish, hostPort };
      const proxyId = await this.#hold(rule);
      const held: Mapping = { ...rule, proxyId, outerId: undefined };
      done.push(held);
      done[done.length - 1] = { ...held, outerId: await this.#openOuter(rule) };
    }
    undo.move();
    return done;
  }

  /** Throws `Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use`. */
  async #hold(rule: PortRule): Promise<number> {
    const { proxies, usesProxy, outer } = this.#options;
    // What comes from outside comes over loopback, and the machine's addresses are not ours in here.
    const hostIp = outer && !isIPv6(rule.hostIp) ? '127.0.0.1' : rule.hostIp;
    try {
      return await proxies.call('open', { ...rule, hostIp, forwards: usesProxy });
    } catch (error) {
      const what = `${usesProxy ? 'Error starting userland proxy: ' : ''}${listenFailure(rule, error)}`;
      throw hasErrno(error, 'EADDRINUSE') ? new PortTakenError(what) : internal(what);
    }
  }

  async #openOuter({ protocol, hostIp, hostPort }: PortRule): Promise<number | undefined> {
    if (protocol === 'sctp') return undefined;
    return this.#options.outer?.open({ protocol, hostIp, hostPort });
  }

  async #close(mappings: readonly Mapping[]): Promise<void> {
    const { proxies, outer } = this.#options;
    const outerIds = mappings.flatMap(({ outerId }) => outerId ?? []);
    if (outer) await Promise.all(outerIds.map((id) => outer.close(id)));
    await Promise.all(mappings.map(({ proxyId }) => proxies.call('close', proxyId)));
  }

  async #release(mappings: readonly Mapping[]): Promise<void> {
    await this.#close(mappings);
    for (const { protocol, hostIp, hostPort } of mappings)
      this.#allocator.release(protocol, hostIp, hostPort);
  }

  async #forgetFlows(mappings: readonly Mapping[]): Promise<void> {
    const ports = mappings.filter(({ protocol }) => protocol === 'udp').map((one) => one.hostPort);
    if (ports.length > 0) await this.#options.rules.call('forgetUdpFlows', ports);
  }

  /** Gives back all of a container's ports. */
  async withdraw(containerId: string): Promise<void> {
    const mappings = this.#mappings.get(containerId);
    if (!mappings) return;
    this.#mappings.delete(containerId);
    await this.#options.firewall.removePorts(translated(mappings));
    await this.#release(mappings);
    await this.#forgetFlows(mappings);
  }
}

const LISTEN_FAILURES = [
  { code: 'EADDRINUSE', text: 'bind: address already in use' },
  { code: 'EADDRNOTAVAIL', text: 'bind: cannot assign requested address' },
  { code: 'EACCES', text: 'bind: permission denied' },
] as const;

function listenFailure({ protocol, hostIp, hostPort }: PortRule, error: unknown): string {
  if (hasErrno(error, 'EPROTONOSUPPORT')) return 'protocol not supported';
  const where = isIPv6(hostIp) ? `${protocol}6 [${hostIp}]` : `${protocol}4 ${hostIp}`;
  const reason = LISTEN_FAILURES.find(({ code }) => hasErrno(error, code))?.text;
  return `listen ${where}:${hostPort}: ${reason ?? String(error)}`;
}

/** What the rules translate; all of IPv6 goes through the proxy. */
const translated = (mappings: readonly Mapping[]): readonly Mapping[] =>
  mappings.filter(({ hostIp }) => isIPv4(hostIp));

function parsePort(text: string): { number: number; protocol: PortRule['protocol'] } {
  const [number = '', protocol = 'tcp'] = text.split('/');
  if (!/^\d{1,5}$/.test(number) || Number(number) > 65_535)
    throw invalidArgument(`invalid transport port: ${text}`);
  if (!PROTOCOLS.includes(protocol)) throw invalidArgument(`invalid protocol: ${protocol}`);
  return { number: Number(number), protocol: protocol as PortRule['protocol'] };
}

/** Every exposed port with what it is to be bound to; null = only exposed. Bindings of others count for nothing. */
function wanted(request: MappingRequest): ReadonlyMap<string, readonly PortBinding[] | null> {
  const ports = new Map<string, readonly PortBinding[] | null>();
  const asked = new Map(
    Object.entries(request.bindings).map(([port, bindings]) => [withProtocol(port), bindings]),
  );
  for (const port of request.exposedPorts.map(withProtocol)) {
    const bindings = asked.get(port);
    const isAsked = asked.has(port);
    const isAny = isAsked || request.publishAll;
    ports.set(port, bindings && bindings.length > 0 ? bindings : isAny ? [ANY] : null);
  }
  return ports;
}

const withProtocol = (port: string): string => (port.includes('/') ? port : `${port}/tcp`);
