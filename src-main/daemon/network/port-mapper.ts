/** Published ports of containers: chosen, held, translated, given back (moby libnetwork portallocator, portmapper). */
import { readFileSync } from 'node:fs';
import { internal } from '../../../shared/errors.ts';
import { hasErrno } from '../platform/libc.ts';
import type { Firewall, PortRule } from './firewall.ts';
import type { PortBinding, PortMap } from './network-controller.ts';
import { openProxy } from './port-proxy.ts';

export interface MappingRequest {
  readonly containerId: string;
  readonly containerIp: string;
  readonly bridge: string;
  readonly exposedPorts: readonly string[];
  readonly bindings: PortMap;
  readonly publishAll: boolean;
  /** `--ip` of the daemon: where unaddressed ports are bound. */
  readonly defaultIp: string;
}

interface Mapping extends PortRule {
  readonly proxy: AsyncDisposable;
}

function ephemeralRange(): readonly [number, number] {
  const [low = 32768, high = 60999] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number);
  return [low, high];
}

/** `8000-8010` → the numbers; '' or '0' → undefined, any free one. */
function wantedPorts(text: string): readonly number[] | undefined {
  if (text === '' || text === '0') return undefined;
  const [low = 0, high = low] = text.split('-').map(Number);
  return Array.from({ length: high - low + 1 }, (_, at) => low + at);
}

export class PortMapper {
  readonly #firewall: Firewall;
  readonly #mappings = new Map<string, readonly Mapping[]>();
  /** `tcp/8080` → addresses it is bound on. */
  readonly #taken = new Map<string, Set<string>>();
  #nextRandom = ephemeralRange()[0];

  constructor(firewall: Firewall) {
    this.#firewall = firewall;
  }

  /** Publishes all of a container's ports; answers NetworkSettings.Ports. On failure nothing stays. */
  async publish(request: MappingRequest): Promise<PortMap> {
    const done: Mapping[] = [];
    const shown = new Map<string, PortBinding[] | null>();
    try {
      for (const [port, bindings] of wanted(request)) {
        if (bindings === null) {
          shown.set(port, null);
          continue;
        }
        const rows: PortBinding[] = [];
        for (const binding of bindings) {
          const mapping = await this.#open(request, port, binding);
          done.push(mapping);
          rows.push({ HostIp: mapping.hostIp, HostPort: String(mapping.hostPort) });
        }
        shown.set(port, rows);
      }
      this.#mappings.set(request.containerId, done);
      await this.#firewall.setPorts(request.containerId, done);
    } catch (error) {
      this.#mappings.delete(request.containerId);
      for (const mapping of done) await this.#close(mapping);
      throw error;
    }
    return Object.fromEntries(shown);
  }

  async #open(request: MappingRequest, port: string, binding: PortBinding): Promise<Mapping> {
    const [number = '0', protocol = 'tcp'] = port.split('/');
    if (protocol !== 'tcp' && protocol !== 'udp')
      throw internal(`publishing ${protocol} ports is not supported`);
    const base = {
      protocol,
      hostIp: binding.HostIp || request.defaultIp,
      containerIp: request.containerIp,
      containerPort: Number(number),
      bridge: request.bridge,
    } as const;
    const candidates = wantedPorts(binding.HostPort);
    if (!candidates) return this.#openAny(base);
    let failure: unknown;
    for (const hostPort of candidates) {
      try {
        return await this.#openOne({ ...base, hostPort });
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #openAny(
    base: Omit<Mapping, 'hostPort' | 'proxy'> & { protocol: 'tcp' | 'udp' },
  ): Promise<Mapping> {
    const [low, high] = ephemeralRange();
    for (let tries = 0; tries <= high - low; tries++) {
      const hostPort = this.#nextRandom;
      this.#nextRandom = hostPort >= high ? low : hostPort + 1;
      try {
        return await this.#openOne({ ...base, hostPort });
      } catch (error) {
        if (!(error instanceof PortTakenError)) throw error;
      }
    }
    throw internal('all ports are allocated');
  }

  async #openOne(wish: Omit<Mapping, 'proxy'> & { protocol: 'tcp' | 'udp' }): Promise<Mapping> {
    const key = `${wish.protocol}/${wish.hostPort}`;
    const held = this.#taken.get(key) ?? new Set<string>();
    const clashes =
      held.has(wish.hostIp) || held.has('0.0.0.0') || (wish.hostIp === '0.0.0.0' && held.size > 0);
    if (clashes)
      throw new PortTakenError(
        `Bind for ${wish.hostIp}:${wish.hostPort} failed: port is already allocated`,
      );
    this.#taken.set(key, held.add(wish.hostIp));
    try {
      return { ...wish, proxy: await openProxy(wish) };
    } catch (error) {
      held.delete(wish.hostIp);
      throw listenFailure(error, wish);
    }
  }

  async #close(mapping: Mapping): Promise<void> {
    await mapping.proxy[Symbol.asyncDispose]();
    this.#taken.get(`${mapping.protocol}/${mapping.hostPort}`)?.delete(mapping.hostIp);
  }

  /** Gives back all of a container's ports. */
  async withdraw(containerId: string): Promise<void> {
    const mappings = this.#mappings.get(containerId);
    if (!mappings) return;
    this.#mappings.delete(containerId);
    for (const mapping of mappings) await this.#close(mapping);
    await this.#firewall.setPorts(containerId, []);
  }

  async close(): Promise<void> {
    for (const mappings of this.#mappings.values()) {
      for (const mapping of mappings) await this.#close(mapping);
    }
    this.#mappings.clear();
  }
}

/** The port cannot be had; with a range or a random one the next is tried. */
class PortTakenError extends Error {}

function listenFailure(
  error: unknown,
  wish: { protocol: string; hostIp: string; hostPort: number },
): Error {
  const reason = hasErrno(error, 'EADDRINUSE')
    ? 'address already in use'
    : hasErrno(error, 'EADDRNOTAVAIL')
      ? 'cannot assign requested address'
      : String(error);
  return new PortTakenError(
    `Error starting userland proxy: listen ${wish.protocol}4 ${wish.hostIp}:${wish.hostPort}: bind: ${reason}`,
  );
}

/** Every port with what it is to be bound to; null = only exposed. */
function wanted(request: MappingRequest): ReadonlyMap<string, readonly PortBinding[] | null> {
  const ports = new Map<string, readonly PortBinding[] | null>();
  for (const port of request.exposedPorts)
    ports.set(withProtocol(port), request.publishAll ? [ANY] : null);
  for (const [port, bindings] of Object.entries(request.bindings)) {
    ports.set(withProtocol(port), bindings && bindings.length > 0 ? bindings : [ANY]);
  }
  return ports;
}

const ANY: PortBinding = { HostIp: '', HostPort: '' };
const withProtocol = (port: string): string => (port.includes('/') ? port : `${port}/tcp`);
