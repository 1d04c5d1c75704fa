/** How values of `docker run` options are written on a command line and in the body of a create request. */
import { parseBytes, parseDuration, printBytes, printDuration } from './quantities.ts';

/** Command line words ↔ the value of a body field. */
export interface Codec {
  /** undefined: the field is left out. */
  readonly write: (words: readonly string[]) => unknown;
  readonly read: (value: unknown) => readonly string[];
  /** What is wrong with a word; undefined when nothing is. */
  readonly check?: (word: string) => string | undefined;
}

const last = (words: readonly string[]): string => words.at(-1) ?? '';

export const text: Codec = {
  write: (words) => last(words) || undefined,
  read: (value) => (typeof value === 'string' && value !== '' ? [value] : []),
};

export const flag: Codec = {
  write: (words) => (last(words) === 'true' ? true : undefined),
  read: (value) => (value === true ? ['true'] : []),
};

export const list: Codec = {
  write: (words) => (words.length > 0 ? [...words] : undefined),
  read: (value) => (Array.isArray(value) ? value.map(String) : []),
};

function numeric(
  parse: (word: string) => number | undefined,
  print: (value: number) => string,
  advice: string,
): Codec {
  return {
    write: (words) => (words.length > 0 ? parse(last(words)) : undefined),
    read: (value) => (typeof value === 'number' && value !== 0 ? [print(value)] : []),
    check: (word) => (parse(word) === undefined ? advice : undefined),
  };
}

export const bytes = numeric(parseBytes, printBytes, 'A size such as 64m or 2g.');
export const duration = numeric(parseDuration, printDuration, 'A time such as 30s or 1m30s.');
export const integer = numeric(
  (word) => (/^-?\d+$/.test(word) ? Number(word) : undefined),
  String,
  'A whole number.',
);
export const cpus = numeric(
  (word) =>
    /^\d*\.?\d+$/.test(word) && Number(word) >= 0.01 ? Math.round(Number(word) * 1e9) : undefined,
  (value) => String(value / 1e9),
  'A number such as 0.5 or 2.',
);

/** `name=value` words ↔ a map. */
export const pairs: Codec = {
  write: (words) =>
    words.length === 0
      ? undefined
      : Object.fromEntries(
          words.map((word) => {
            const [name = '', ...rest] = word.split('=');
            return [name, rest.join('=')];
          }),
        ),
  read: (value) =>
    Object.entries((value ?? {}) as Record<string, string>).map(([k, v]) => `${k}=${v}`),
  check: (word) => (/^[^=\s]/.test(word) ? undefined : 'A name, without “=”.'),
};

/** `NAME=value` words ↔ a list. */
export const environment: Codec = {
  ...list,
  check: (word) => (/^[^=\s]+(=|$)/.test(word) ? undefined : 'A name, without “=”.'),
};

/** `soft[:hard]` by name. */
export const ulimits: Codec = {
  write: (words) =>
    words.length === 0
      ? undefined
      : words.map((word) => {
          const [, Name = '', soft = '', hard] = /^(\w+)=(-?\d+)(?::(-?\d+))?$/.exec(word) ?? [];
          return { Name, Soft: Number(soft), Hard: Number(hard ?? soft) };
        }),
  read: (value) =>
    ((value ?? []) as readonly { Name: string; Soft: number; Hard: number }[]).map(
      ({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`,
    ),
  check: (word) =>
    /^\w+=-?\d+(:-?\d+)?$/.test(word) ? undefined : 'Name, soft and hard limit: nofile=1024:2048.',
};

/** `/dev/host[:/dev/container[:rwm]]`. */
export const devices: Codec = {
  write: (words) =>
    words.length === 0
      ? undefined
      : words.map((word) => {
          const [host = '', second = '', third] = word.split(':');
          const inside = second.startsWith('/') ? second : host;
          const rights = third ?? (second.startsWith('/') || second === '' ? 'rwm' : second);
          return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: rights };
        }),
  read: (value) =>
    (
      (value ?? []) as readonly {
        PathOnHost: string;
        PathInContainer: string;
        CgroupPermissions: string;
      }[]
    ).map((device) => `${device.PathOnHost}:${device.PathInContainer}:${device.CgroupPermissions}`),
  check: (word) => (word.startsWith('/') ? undefined : 'A device of the host, such as /dev/fuse.'),
};

/** `/dev/sda:10m`, in bytes or operations a second. */
const throttle = (
  parse: (word: string) => number | undefined,
  print: (n: number) => string,
): Codec => ({
  write: (words) =>
    words.length === 0
      ? undefined
      : words.map((word) => {
          const at = word.lastIndexOf(':');
          return { Path: word.slice(0, at), Rate: parse(word.slice(at + 1)) ?? 0 };
        }),
  read: (value) =>
    ((value ?? []) as readonly { Path: string; Rate: number }[]).map(
      ({ Path, Rate }) => `${Path}:${print(Rate)}`,
    ),
  check: (word) =>
    /^\/[^:]+:/.test(word) && parse(word.slice(word.lastIndexOf(':') + 1)) !== undefined
      ? undefined
      : 'A device and a rate: /dev/sda:10m.',
});
export const bytesEachSecond = throttle(parseBytes, printBytes);
export const operationsEachSecond = throttle(
  (word) => (/^\d+$/.test(word) ? Number(word) : undefined),
  String,
);

/** `all`, a count, or a list of ids. */
export const gpus: Codec = {
  write: (words) => {
    const word = last(words);
    if (word === '') return undefined;
    const Capabilities = [['gpu']];
    if (word === 'all') return [{ Driver: '', Count: -1, Capabilities }];
    if (/^\d+$/.test(word)) return [{ Driver: '', Count: Number(word), Capabilities }];
    return [
      { Driver: '', Count: 0, DeviceIDs: word.replace('device=', '').split(','), Capabilities },
    ];
  },
  read: (value) =>
    ((value ?? []) as readonly { Count?: number; DeviceIDs?: readonly string[] }[]).map(
      ({ Count = 0, DeviceIDs }) =>
        Count === -1 ? 'all' : Count > 0 ? String(Count) : `device=${(DeviceIDs ?? []).join(',')}`,
    ),
};

export const restart: Codec = {
  write: (words) => {
    const [Name = '', count] = last(words).split(':');
    return Name === '' || Name === 'no'
      ? undefined
      : { Name, MaximumRetryCount: count === undefined ? 0 : Number(count) };
  },
  read: (value) => {
    const { Name = '', MaximumRetryCount = 0 } = (value ?? {}) as {
      Name?: string;
      MaximumRetryCount?: number;
    };
    if (Name === '' || Name === 'no') return [];
    return [MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name];
  },
  check: (word) =>
    /^(no|always|unless-stopped|on-failure(:\d+)?)$/.test(word)
      ? undefined
      : 'no, on-failure[:times], unless-stopped or always.',
};

/** `type=…,source=…,target=…` ↔ a mount. */
export const mounts: Codec = {
  write: (words) => (words.length === 0 ? undefined : words.map(readMount)),
  read: (value) =>
    (
      (value ?? []) as readonly {
        Type: string;
        Source?: string;
        Target: string;
        ReadOnly?: boolean;
        TmpfsOptions?: { SizeBytes?: number };
        BindOptions?: { Propagation?: string };
      }[]
    ).map((mount) =>
      [
        `type=${mount.Type}`,
        mount.Source && `source=${mount.Source}`,
        `target=${mount.Target}`,
        mount.ReadOnly && 'readonly',
        mount.BindOptions?.Propagation && `bind-propagation=${mount.BindOptions.Propagation}`,
        mount.TmpfsOptions?.SizeBytes && `tmpfs-size=${mount.TmpfsOptions.SizeBytes}`,
      ]
        .filter(Boolean)
        .join(','),
    ),
  check: (word) =>
    /(^|,)(target|dst|destination)=\//.test(word)
      ? undefined
      : 'At least a target: type=volume,source=data,target=/data.',
};

function readMount(word: string): object {
  const values = new Map(
    word.split(',').map((part) => {
      const [name = '', ...rest] = part.split('=');
      return [name, rest.join('=')] as const;
    }),
  );
  const one = (...names: string[]): string | undefined =>
    names.map((name) => values.get(name)).find((value) => value !== undefined);
  const readOnly = one('readonly', 'ro');
  const propagation = one('bind-propagation');
  const size = one('tmpfs-size');
  const source = one('source', 'src');
  return {
    Type: one('type') ?? 'volume',
    ...(source === undefined ? {} : { Source: source }),
    Target: one('target', 'dst', 'destination') ?? '',
    ...(readOnly === undefined ? {} : { ReadOnly: readOnly !== 'false' && readOnly !== '0' }),
    ...(propagation === undefined ? {} : { BindOptions: { Propagation: propagation } }),
    ...(size === undefined ? {} : { TmpfsOptions: { SizeBytes: parseBytes(size) ?? 0 } }),
  };
}

/** `/path[:options]` ↔ a map. */
export const tmpfs: Codec = {
  write: (words) =>
    words.length === 0
      ? undefined
      : Object.fromEntries(
          words.map((word) => {
            const [path = '', ...rest] = word.split(':');
            return [path, rest.join(':')];
          }),
        ),
  read: (value) =>
    Object.entries((value ?? {}) as Record<string, string>).map(([path, options]) =>
      options === '' ? path : `${path}:${options}`,
    ),
  check: (word) => (word.startsWith('/') ? undefined : 'A path in the container.'),
};
