/** The variables of one `--link` (moby links/links.go of 20.10, whose ranges run over protocols). */

export interface LinkFacts {
  /** Of the linked container. */
  readonly ip: string;
  /** `/web/db` */
  readonly name: string;
  readonly alias: string;
  readonly env: readonly string[];
  /** `80/tcp` */
  readonly ports: readonly string[];
}

interface Port {
  readonly number: number;
  readonly protocol: string;
}

function sortedPorts(ports: readonly string[]): Port[] {
  return ports
    .map((text) => {
      const [number = '0', protocol = 'tcp'] = text.split('/');
      return { number: Number(number), protocol };
    })
    .sort((a, b) => a.number - b.number || (a.protocol === 'tcp' ? -1 : 1));
}

/** Where the run of ports from `start` on ends. */
function endOfRun(ports: readonly Port[], start: number): number {
  let last = start;
  let value = ports[start]?.number ?? 0;
  while (last + 1 < ports.length && (ports[last + 1]?.number ?? 0) <= value + 1) {
    last++;
    value++;
  }
  return last;
}

/** `NAME=value` for address, ports, name and variables of the linked container. */
export function linkVariables({ ip, name, alias, env, ports: exposed }: LinkFacts): string[] {
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const ports = sortedPorts(exposed);
  const url = ({ number, protocol }: Port): string => `${protocol}://${ip}:${number}`;
  const portPrefix = ({ number }: Port, { protocol }: Port): string =>
    `${prefix}_PORT_${number}_${protocol.toUpperCase()}`;
  const variables = ports.slice(0, 1).map((first) => `${prefix}_PORT=${url(first)}`);
  for (let at = 0; at < ports.length; ) {
    const end = endOfRun(ports, at);
    const [first, last] = [ports[at], ports[end]];
    // Two neighbours are no range yet.
    if (first && last && end > at + 1) {
      variables.push(
        `${portPrefix(first, first)}_START=${url(first)}`,
        `${portPrefix(first, first)}_PORT_START=${first.number}`,
        `${portPrefix(first, last)}_END=${url(last)}`,
        `${portPrefix(first, last)}_PORT_END=${last.number}`,
      );
      at = end + 1;
    } else {
      at++;
    }
  }
  for (const port of ports) {
    const own = portPrefix(port, port);
    variables.push(
      `${own}=${url(port)}`,
      `${own}_ADDR=${ip}`,
      `${own}_PORT=${port.number}`,
      `${own}_PROTO=${port.protocol}`,
    );
  }
  variables.push(`${prefix}_NAME=${name}`);
  for (const entry of env) {
    // Those are the image's, and say nothing of what is linked to.
    if (entry.includes('=') && !/^(HOME|PATH)=/.test(entry))
      variables.push(`${prefix}_ENV_${entry}`);
  }
  return variables;
}
