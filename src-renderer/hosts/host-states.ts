import type { HostRow } from '../../shared/shell/contract.ts';

/** How each state is called and which dot it has. */
export const HOST_STATES: Readonly<
  Record<HostRow['status']['state'], { readonly label: string; readonly dot: string }>
> = {
  connecting: { label: 'connecting', dot: 'dot-restarting' },
  asking: { label: 'has a question', dot: 'dot-paused' },
  up: { label: 'up', dot: 'dot-running' },
  slow: { label: 'slow', dot: 'dot-paused' },
  lost: { label: 'lost', dot: 'dot-dead' },
  refused: { label: 'refused', dot: 'dot-dead' },
};
