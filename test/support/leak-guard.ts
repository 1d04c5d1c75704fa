/**
 * Nothing may be left: mounts, links, rules and processes that name a daemon's roots are compared with
 * none at all, after the daemon has stopped.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Leaks {
  readonly mounts: readonly string[];
  readonly processes: readonly string[];
  readonly namespaces: readonly string[];
  readonly links: readonly string[];
  readonly tables: readonly string[];
}

const lines = (text: string): string[] => text.split('\n').filter(Boolean);

function processesNaming(root: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(root) && !command.includes('vitest') ? [`${pid} ${command}`] : [];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}

/** Other suites run beside this one: bridges carry the data root as their alias, veths hang on a bridge. */
function isLinkOf(root: string, link: string): boolean {
  const alias = (name: string): string => {
    try {
      return readFileSync(`/sys/class/net/${name}/ifalias`, 'utf8');
    } catch {
      // Gone while we looked.
      return '';
    }
  };
  return alias(link).includes(root) || alias(`${link}/master`).includes(root);
}

/** The name of a daemon's table of rules. */
export const tableOf = (dataRoot: string): string =>
  `windlass_${createHash('sha256').update(dataRoot).digest('hex').slice(0, 8)}`;

const isLink = (name: string): boolean => /^(veth|wl-|br-|windlass)/.test(name);

/** Bridges of the daemon with that root directory, and the veths on them. */
export const linksBelow = (root: string): readonly string[] =>
  readdirSync('/sys/class/net').filter((name) => isLink(name) && isLinkOf(root, name));

/** Everything on the machine that names the directory, and every link and table made since `before`. */
export function findLeaks(root: string, before: MachineSnapshot): Leaks {
  const now = snapshotMachine();
  const namespaces = join(root, 'exec/netns');
  return {
    mounts: lines(readFileSync('/proc/self/mounts', 'utf8')).filter((line) => line.includes(root)),
    processes: processesNaming(root),
    namespaces: existsSync(namespaces) ? readdirSync(namespaces) : [],
    links: now.links.filter((link) => !before.links.includes(link) && isLinkOf(root, link)),
    tables: now.tables.filter((table) => table.includes(tableOf(join(root, 'data')))),
  };
}

export const NO_LEAKS: Leaks = { mounts: [], processes: [], namespaces: [], links: [], tables: [] };

export interface MachineSnapshot {
  readonly links: readonly string[];
  readonly tables: readonly string[];
}

/** Links and our own tables as they are now. */
export function snapshotMachine(): MachineSnapshot {
  const tables = lines(execFileSync('nft', ['list', 'tables']).toString());
  return {
    links: readdirSync('/sys/class/net').filter(isLink),
    tables: tables.filter((line) => line.includes('windlass')),
  };
}
