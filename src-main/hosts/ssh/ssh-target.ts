/** What OpenSSH would do for a destination: the options of ssh_config(5) that matter here, resolved. */
import { execFileSync } from 'node:child_process';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Directive, type Line, LineType, parse, stringify } from 'ssh-config';
import { invalidArgument } from '../../../shared/errors.ts';
import { matchesPatternList } from './pattern-list.ts';
import { expandHome, readSshConfigText, splitWords } from './ssh-config-text.ts';

export interface SshDestination {
  /** A name in ssh_config or a host name. */
  readonly alias: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

export interface SshTarget {
  readonly alias: string;
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  /** In the order to try; only `isIdentityChosen` tells whether the user named them. */
  readonly identityFiles: readonly string[];
  readonly isIdentityChosen: boolean;
  readonly identitiesOnly: boolean;
  /** Socket of the agent; undefined: none. */
  readonly identityAgent: string | undefined;
  /** Hops before this one, the first to connect to first. */
  readonly proxyJump: readonly SshDestination[];
  readonly proxyCommand: string | undefined;
  /** The name host keys are filed under, without port (HostKeyAlias), when not the host's own. */
  readonly hostKeyAlias: string | undefined;
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  readonly strictHostKeyChecking: 'ask' | 'yes' | 'accept-new' | 'no';
  readonly hashKnownHosts: boolean;
  /** Seconds between keepalives; 0: none. */
  readonly serverAliveInterval: number;
  readonly serverAliveCountMax: number;
  /** Seconds; 0: the system's own. */
  readonly connectTimeout: number;
  readonly preferredAuthentications: readonly string[];
}

const DEFAULT_IDENTITIES = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const DEFAULT_AUTHENTICATIONS = 'publickey,keyboard-interactive,password';
/** Options that add up instead of the first one winning. */
const CUMULATIVE = new Set(['identityfile', 'certificatefile']);

/** `user@host:port`, `ssh://user@host:port/`, `[v6]:port`. Throws invalidArgument for anything else. */
export function parseDestination(text: string): SshDestination {
  const bare = text
    .trim()
    .replace(/^ssh:\/\//i, '')
    .replace(/\/$/, '');
  const parts =
    /^(?:([^@\s]+)@)?(?:\[([^\]\s]+)\]|([^:@\s/[\]]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*:[0-9a-fA-F.]*))(?::(\d+))?$/.exec(
      bare,
    );
  const alias = parts?.[2] ?? parts?.[3];
  const port = parts?.[4] === undefined ? undefined : Number(parts[4]);
  if (!alias || alias.startsWith('-') || parts?.[1]?.startsWith('-'))
    throw invalidArgument(`"${text}" is not a destination such as user@host or ssh://user@host:22`);
  if (port !== undefined && (port < 1 || port > 65_535))
    throw invalidArgument(`"${text}": port ${port} is not between 1 and 65535`);
  return { alias, user: parts?.[1], port };
}

type Options = Map<string, string[]>;

interface Matching {
  readonly destination: SshDestination;
  readonly options: Options;
  readonly isFinal: boolean;
}

const first = (options: Options, name: string): string | undefined => options.get(name)?.[0];

/** A directive's value as it was written, quotes included. */
const valueOf = ({ value, quoted }: Directive): string =>
  typeof value === 'string'
    ? quote(value, quoted)
    : value.map((word) => quote(word.val, word.quoted)).join(' ');

const quote = (text: string, isQuoted: boolean | undefined): string =>
  isQuoted ? `"${text}"` : text;

function replaceTokens(text: string, values: Record<string, string>): string {
  return text.replaceAll(/%(.)/g, (whole, letter: string) =>
    letter === '%' ? '%' : (values[letter] ?? whole),
  );
}

function succeeds(command: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', command], { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    // A command that fails is a criterion that is not met.
    return false;
  }
}

function tokensOf({ destination, options }: Matching): Record<string, string> {
  const host = hostNameOf(destination, options);
  return {
    h: host,
    n: destination.alias,
    p: String(destination.port ?? first(options, 'port') ?? 22),
    r: destination.user ?? first(options, 'user') ?? userInfo().username,
    u: userInfo().username,
    d: homedir(),
    i: String(process.getuid?.() ?? 0),
  };
}

function hostNameOf({ alias }: SshDestination, options: Options): string {
  const given = first(options, 'hostname');
  return given === undefined ? alias : replaceTokens(given, { h: alias, n: alias });
}

/** ssh_config(5) Match: every criterion must hold; `!` negates. */
function isMatch(value: string, matching: Matching): boolean {
  const words = splitWords(value.replace(/,\s+/g, ','));
  const tokens = tokensOf(matching);
  const texts: Record<string, string> = {
    host: tokens['h'] ?? '',
    originalhost: matching.destination.alias,
    user: tokens['r'] ?? '',
    localuser: tokens['u'] ?? '',
  };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const isNegated = word.startsWith('!');
    const name = word.replace(/^!/, '').toLowerCase();
    let holds: boolean;
    if (name === 'all') holds = true;
    // Names are not canonicalised here, so only the second reading is final.
    else if (name === 'final' || name === 'canonical') holds = matching.isFinal;
    else {
      at += 1;
      const argument = words[at] ?? '';
      const text = texts[name];
      if (name === 'exec') holds = succeeds(replaceTokens(argument, tokens));
      else holds = text !== undefined && matchesPatternList(argument, text);
    }
    if (holds === isNegated) return false;
  }
  return words.length > 0;
}

function take(lines: readonly Line[], matching: Matching): void {
  for (const line of lines) {
    if (line.type !== LineType.DIRECTIVE) continue;
    const name = line.param.toLowerCase();
    const { options } = matching;
    if ('config' in line) {
      const value = valueOf(line);
      const holds =
        name === 'host'
          ? matchesPatternList(splitWords(value).join(','), matching.destination.alias)
          : isMatch(matchText(line), matching);
      if (holds) take(line.config, matching);
      continue;
    }
    const value = valueOf(line);
    if (CUMULATIVE.has(name)) options.set(name, [...(options.get(name) ?? []), value]);
    // Whichever of the two comes first rules the other out.
    else if (name === 'proxyjump' && options.has('proxycommand')) continue;
    else if (name === 'proxycommand' && options.has('proxyjump')) continue;
    else if (!options.has(name)) options.set(name, [value]);
  }
}

/** The criteria of a Match line as they were written. */
function matchText(line: Line & { param: string }): string {
  const [text = ''] = stringify([{ ...line, before: '', config: [] }] as never).split('\n');
  return text.trim().replace(/^match[\s=]+/i, '');
}

const isYes = (value: string | undefined): boolean => /^(yes|true)$/i.test(value ?? '');

/** A time of sshd_config(5): seconds, or with a unit. */
function seconds(value: string | undefined, otherwise: number): number {
  const parts = /^(\d+)([smhd]?)$/i.exec(value ?? '');
  if (!parts) return otherwise;
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[(parts[2] || 's').toLowerCase()] ?? 1;
  return Number(parts[1]) * unit;
}

function strictness(value: string | undefined): SshTarget['strictHostKeyChecking'] {
  const word = (value ?? 'ask').toLowerCase();
  if (word === 'yes' || word === 'true') return 'yes';
  if (word === 'no' || word === 'off' || word === 'false') return 'no';
  return word === 'accept-new' ? 'accept-new' : 'ask';
}

function agentOf(value: string | undefined): string | undefined {
  if (value?.toLowerCase() === 'none') return undefined;
  if (value === undefined || value === 'SSH_AUTH_SOCK')
    return process.env['SSH_AUTH_SOCK'] || undefined;
  return value.startsWith('$') ? process.env[value.slice(1)] || undefined : expandHome(value);
}

function jumpsOf(value: string | undefined): SshDestination[] {
  if (value === undefined || value.toLowerCase() === 'none') return [];
  return value.split(',').map((hop) => parseDestination(hop));
}

/**
 * Resolves a destination as `ssh -G` does, from `text` (readSshConfigText). Names are not canonicalised.
 * Throws invalidArgument when the configuration names something unusable.
 */
export function resolveSshTarget(
  destination: SshDestination,
  text: string = readSshConfigText(),
): SshTarget {
  const config = parse(text);
  const options: Options = new Map();
  take(config, { destination, options, isFinal: false });
  if (/^\s*match\b.*\bfinal\b/im.test(text)) take(config, { destination, options, isFinal: true });
  const tokens = tokensOf({ destination, options, isFinal: true });
  const withTokens = (value: string): string => replaceTokens(expandHome(value), tokens);
  const get = (name: string): string | undefined => first(options, name);
  const files = (name: string, otherwise: readonly string[]): string[] => {
    const value = get(name);
    if (value?.toLowerCase() === 'none') return [];
    return (value === undefined ? otherwise : splitWords(value)).map(withTokens);
  };
  const identities = options.get('identityfile');
  const proxyCommand = get('proxycommand');
  const agent = get('identityagent');
  return {
    alias: destination.alias,
    hostName: hostNameOf(destination, options),
    port: Number(tokens['p']),
    user: tokens['r'] ?? '',
    identityFiles: (identities ?? DEFAULT_IDENTITIES.map((name) => join('~/.ssh', name)))
      .filter((path) => path.toLowerCase() !== 'none')
      .map((path) => withTokens(splitWords(path)[0] ?? path)),
    isIdentityChosen: identities !== undefined,
    identitiesOnly: isYes(get('identitiesonly')),
    identityAgent: agentOf(agent === undefined ? undefined : withTokens(agent)),
    proxyJump: jumpsOf(get('proxyjump')),
    proxyCommand:
      proxyCommand === undefined || proxyCommand.toLowerCase() === 'none'
        ? undefined
        : replaceTokens(proxyCommand, tokens),
    hostKeyAlias: get('hostkeyalias'),
    userKnownHostsFiles: files('userknownhostsfile', ['~/.ssh/known_hosts', '~/.ssh/known_hosts2']),
    globalKnownHostsFiles: files('globalknownhostsfile', [
      '/etc/ssh/ssh_known_hosts',
      '/etc/ssh/ssh_known_hosts2',
    ]),
    strictHostKeyChecking: strictness(get('stricthostkeychecking')),
    hashKnownHosts: isYes(get('hashknownhosts')),
    serverAliveInterval: seconds(get('serveraliveinterval'), 15),
    serverAliveCountMax: Number(get('serveralivecountmax') ?? 3),
    connectTimeout: seconds(get('connecttimeout'), 20),
    preferredAuthentications: (get('preferredauthentications') ?? DEFAULT_AUTHENTICATIONS)
      .toLowerCase()
      .split(','),
  };
}
