import { useEffect, useState } from 'react';
import { useApp } from '../app/context.tsx';
import { Facts } from '../ui/Facts.tsx';
import { formatBytes } from '../ui/format.ts';

const share = (available: string | undefined, total: string | undefined): string =>
  available === undefined || total === undefined
    ? ''
    : `${formatBytes(Number(available))} free of ${formatBytes(Number(total))}`;

/** What machine it is and how it fares, asked when it is shown. */
export function HostFacts({ id }: { readonly id: string }) {
  const { shell } = useApp();
  const [facts, setFacts] = useState<Record<string, string>>();
  useEffect(() => {
    let isCurrent = true;
    shell.call('hosts.facts', { id }).then(
      (answer) => isCurrent && setFacts(answer),
      // The host runs no commands for us; what is shown without them is enough.
      () => undefined,
    );
    return () => {
      isCurrent = false;
    };
  }, [shell, id]);
  if (!facts) return null;
  return (
    <Facts
      rows={[
        ['System', [facts['system'], facts['architecture']].filter(Boolean).join(', ')],
        ['Kernel', facts['kernel']],
        ['Load', facts['load'] && `${facts['load']} on ${facts['processors'] ?? '?'} processors`],
        ['Memory', share(facts['memoryAvailable'], facts['memoryTotal'])],
        ['Disk', share(facts['diskAvailable'], facts['diskTotal'])],
      ]}
    />
  );
}
