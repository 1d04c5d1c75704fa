/** Published ports as words: `[address:][host:]container[/protocol]`, ranges of equal length too. */
interface Published {
  readonly address: string;
  readonly host: string;
  readonly container: string;
  readonly protocol: string;
}

/** The parts of a word; undefined when it is none. */
export function splitPublished(word: string): Published | undefined {
  const [, address = '', host = '', container = '', protocol = 'tcp'] =
    /^(?:(\[[0-9a-fA-F:]+\]|\d+(?:\.\d+){3}):)?(?:(\d*(?:-\d+)?):)?(\d*(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/.exec(
      word,
    ) ?? [];
  return container === '' && host === '' && word !== '' && word !== ':'
    ? undefined
    : { address: address.replace(/^\[|\]$/g, ''), host, container, protocol };
}

export function joinPublished({ address, host, container, protocol }: Published): string {
  const place = address.includes(':') ? `[${address}]` : address;
  const suffix = protocol === 'tcp' ? '' : `/${protocol}`;
  if (place !== '') return `${place}:${host}:${container}${suffix}`;
  return `${host === '' ? '' : `${host}:`}${container}${suffix}`;
}

/** `80-82` → 80, 81, 82. */
function range(text: string): number[] {
  if (text === '') return [];
  const [first = '', last = first] = text.split('-');
  const count = Math.min(Math.max(Number(last) - Number(first) + 1, 0), 65_535);
  return Array.from({ length: count }, (_, index) => Number(first) + index);
}

const isPort = (port: number): boolean => port >= 1 && port <= 65_535;

/** What is wrong with a word; undefined when nothing is. */
export function portProblem(word: string): string | undefined {
  const parts = splitPublished(word);
  const [inside, outside] = [range(parts?.container ?? ''), range(parts?.host ?? '')];
  if (inside.length === 0 || !inside.every(isPort))
    return 'The container’s port is a number from 1 to 65535.';
  if (!outside.every(isPort))
    return 'The host’s port is a number from 1 to 65535, or empty for any.';
  return outside.length > 0 && outside.length !== inside.length
    ? 'Both ranges must be of one length.'
    : undefined;
}

/** `tcp/8080` for each port of this machine that the word asks for. */
export function hostPortsOf(word: string): string[] {
  const parts = splitPublished(word);
  return parts ? range(parts.host).map((port) => `${parts.protocol}/${port}`) : [];
}

export function publishedPorts(published: readonly string[], exposed: readonly string[]) {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  const all: Record<string, object> = {};
  for (const word of published) {
    const parts = splitPublished(word);
    if (!parts) continue;
    const outside = range(parts.host);
    range(parts.container).forEach((port, index) => {
      const key = `${port}/${parts.protocol}`;
      const HostPort = outside[index] === undefined ? '' : String(outside[index]);
      (bindings[key] ??= []).push({ HostIp: parts.address, HostPort });
      all[key] = {};
    });
  }
  for (const word of exposed) {
    const [ports = '', protocol = 'tcp'] = word.split('/');
    for (const port of range(ports)) all[`${port}/${protocol}`] = {};
  }
  return { bindings, exposed: all };
}

/** Words of the engine's port bindings. */
export function readPublished(value: unknown): string[] {
  const bindings = (value ?? {}) as Record<string, { HostIp?: string; HostPort?: string }[] | null>;
  return Object.entries(bindings).flatMap(([key, places]) => {
    const [container = '', protocol = 'tcp'] = key.split('/');
    return (places ?? []).map(({ HostIp = '', HostPort = '' }) =>
      joinPublished({ address: HostIp, host: HostPort, container, protocol }),
    );
  });
}
