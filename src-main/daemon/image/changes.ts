/** `--change` of import and commit: Dockerfile instructions on a config (moby builder/dockerfile). */
import { posix } from 'node:path';
import { invalidArgument } from '../../../shared/errors.ts';
import { parseJsonWords, parsePairs, splitWords } from './dockerfile-words.ts';
import type { ImageRunConfig } from './image-service.ts';

type Draft = { -readonly [K in keyof ImageRunConfig]: ImageRunConfig[K] };
type Change = (draft: Draft, text: string) => void;

const DEFAULT_SHELL = ['/bin/sh', '-c'];
const SECOND_NS = 1_000_000_000;

function command(draft: Draft, text: string): string[] {
  return parseJsonWords(text) ?? [...(draft.Shell ?? DEFAULT_SHELL), text];
}

function single(name: string, text: string): string {
  const words = splitWords(text);
  if (words.length !== 1) throw invalidArgument(`${name} requires exactly one argument`);
  return words[0] ?? '';
}

function expandPorts(word: string): string[] {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? from);
  if (!match || from > to || to > 65_535) {
    throw invalidArgument(`invalid containerPort: ${word}`);
  }
  const protocol = (match[3] ?? 'tcp').toLowerCase();
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}/${protocol}`);
}

const setOf = (names: readonly string[]): Record<string, object> =>
  Object.fromEntries(names.map((name) => [name, {}]));

function setEnv(draft: Draft, text: string): void {
  const env = new Map((draft.Env ?? []).map((row) => [row.split('=', 1)[0] ?? '', row]));
  for (const [name, value] of parsePairs('ENV', text)) env.set(name, `${name}=${value}`);
  draft.Env = [...env.values()];
}

const DURATIONS: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function durationNs(flag: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw invalidArgument(`time: invalid duration ${JSON.stringify(text)}`);
  }
  const total = parts.reduce(
    (sum, [, n, unit]) => sum + Number(n) * (DURATIONS[unit ?? ''] ?? 0),
    0,
  );
  if (total < SECOND_NS / 1000) {
    throw invalidArgument(`Interval ${JSON.stringify(flag)} cannot be less than 1ms`);
  }
  return total;
}

const HEALTH_FLAGS: Readonly<Record<string, string>> = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
};

function setHealthcheck(draft: Draft, text: string): void {
  const check: Record<string, unknown> = {};
  let rest = text.trim();
  for (
    let flag = /^--([\w-]+)=(\S+)\s*/.exec(rest);
    flag;
    flag = /^--([\w-]+)=(\S+)\s*/.exec(rest)
  ) {
    const [whole, name = '', value = ''] = flag;
    const field = HEALTH_FLAGS[name];
    if (field) check[field] = durationNs(name, value);
    else if (name === 'retries') check['Retries'] = Number(value);
    else throw invalidArgument(`Unknown flag: ${name}`);
    rest = rest.slice(whole.length);
  }
  const [kind = '', ...words] = rest.split(/\s+/);
  const argument = words.join(' ');
  if (kind.toUpperCase() === 'NONE') {
    if (argument !== '') throw invalidArgument('HEALTHCHECK NONE takes no arguments');
    check['Test'] = ['NONE'];
  } else if (kind.toUpperCase() === 'CMD') {
    if (argument === '') throw invalidArgument('Missing command after HEALTHCHECK CMD');
    const exec = parseJsonWords(argument);
    check['Test'] = exec ? ['CMD', ...exec] : ['CMD-SHELL', argument];
  } else {
    throw invalidArgument(`Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`);
  }
  draft.Healthcheck = check;
}

const CHANGES: Readonly<Record<string, Change>> = {
  CMD: (draft, text) => {
    draft.Cmd = command(draft, text);
  },
  ENTRYPOINT: (draft, text) => {
    draft.Entrypoint = command(draft, text);
  },
  ENV: setEnv,
  EXPOSE: (draft, text) => {
    draft.ExposedPorts = {
      ...draft.ExposedPorts,
      ...setOf(splitWords(text).flatMap(expandPorts)),
    };
  },
  HEALTHCHECK: setHealthcheck,
  LABEL: (draft, text) => {
    draft.Labels = { ...draft.Labels, ...Object.fromEntries(parsePairs('LABEL', text)) };
  },
  ONBUILD: (draft, text) => {
    draft.OnBuild = [...(draft.OnBuild ?? []), text];
  },
  USER: (draft, text) => {
    draft.User = single('USER', text);
  },
  VOLUME: (draft, text) => {
    const paths = parseJsonWords(text) ?? splitWords(text);
    if (paths.some((path) => path === '')) {
      throw invalidArgument('VOLUME specified can not be an empty string');
    }
    draft.Volumes = { ...draft.Volumes, ...setOf(paths) };
  },
  WORKDIR: (draft, text) => {
    draft.WorkingDir = posix.resolve(draft.WorkingDir || '/', single('WORKDIR', text));
  },
};

/** The config with the changes applied in order. Throws invalidArgument in Docker's words. */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig {
  const draft: Draft = { ...config };
  let hasCommand = false;
  const lines = changes.flatMap((change) => change.replace(/\\\n/g, '').split('\n'));
  for (const line of lines.map((text) => text.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const [name = ''] = line.split(/\s/, 1);
    const change = CHANGES[name.toUpperCase()];
    if (!change) throw invalidArgument(`${name.toLowerCase()} is not a valid change command`);
    const text = line.slice(name.length).trim();
    if (text === '') throw invalidArgument(`${name.toUpperCase()} requires at least one argument`);
    change(draft, text);
    if (name.toUpperCase() === 'CMD') hasCommand = true;
    // A command inherited from before was meant for the entry point before.
    if (name.toUpperCase() === 'ENTRYPOINT' && !hasCommand) draft.Cmd = null;
  }
  return draft;
}
