/** Which host ports are given out (moby libnetwork portallocator). Whether one is free on the machine shows the bind. */
import { readFileSync } from 'node:fs';
import { internal, invalidArgument } from '../../../shared/errors.ts';

/** Docker's own bounds of the range for random ports. */
const RANDOM_PORTS = { first: 49_153, last: 60_999 } as const;

/** The port cannot be had; of a range the next one is tried. */
export class PortTakenError extends Error {}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Docker's range, as far as the kernel's for outgoing connections covers it. */
function randomRange(): PortRange {
  const [low = 0, high = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number);
  const first = Math.max(low, RANDOM_PORTS.first);
  const last = Math.min(high, RANDOM_PORTS.last);
  return first <= last ? { first, last } : RANDOM_PORTS;
}

/** `8000`, `8000-8010`; '' and '0' = undefined, any port. */
export function parseHostPort(text: string): PortRange | undefined {
  if (text === '' || text === '0') return undefined;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || last > 65_535 || first > last)
    throw invalidArgument(`Error parsing HostPort value (${text}): invalid port range`);
  return { first, last };
}

export class PortAllocator {
  /** `tcp 0.0.0.0:80`. */
  readonly #taken = new Set<string>();
  /** Where the search in a range goes on. */
  readonly #last = new Map<string, number>();

  /** One port, the same on all addresses; candidates in turn until the caller keeps one. */
  *candidates(range: PortRange | undefined): Generator<number> {
    const { first, last } = range ?? randomRange();
    const key = `${first}-${last}`;
    const size = last - first + 1;
    const start = (this.#last.get(key) ?? last) + 1;
    for (let step = 0; step < size; step++) {
      const port = first + ((start - first + step) % size);
      this.#last.set(key, port);
      yield port;
    }
  }

  /** Throws PortTakenError `Bind for 0.0.0.0:80 failed: port is already allocated`. */
  claim(protocol: string, hostIp: string, port: number): void {
    const key = `${protocol} ${hostIp}:${port}`;
    if (this.#taken.has(key))
      throw new PortTakenError(`Bind for ${hostIp}:${port} failed: port is already allocated`);
    this.#taken.add(key);
  }

  release(protocol: string, hostIp: string, port: number): void {
    this.#taken.delete(`${protocol} ${hostIp}:${port}`);
  }
}

export const allPortsTaken = (): Error => internal('all ports are allocated');
