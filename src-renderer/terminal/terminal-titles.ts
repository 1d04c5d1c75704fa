import type { TerminalTarget } from '../../shared/shell/contract.ts';

/** What a terminal of a container is called beside the others of that container. */
export function containerTitle(target: TerminalTarget): string {
  if (target.kind === 'attach') return 'Main process';
  if (target.kind !== 'exec') return hostTitle(target);
  const what = target.command?.join(' ') ?? 'Shell';
  return target.user ? `${what} as ${target.user}` : what;
}

/** What a terminal of a host is called beside the others of that host. */
export const hostTitle = (target: TerminalTarget): string =>
  target.kind === 'there' ? 'On the host' : 'On this machine';
