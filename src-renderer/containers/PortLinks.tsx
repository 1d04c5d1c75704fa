import { Fragment } from 'react';
import type { Port } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp } from '../app/context.tsx';
import { forward } from '../hosts/forwards-store.ts';
import { showToast } from '../ui/toasts.ts';

const isAnyAddress = (ip: string | undefined): boolean => !ip || ip === '0.0.0.0' || ip === '::';

/** A port that is published on every address stands in the list for IPv4 and for IPv6; once is enough. */
function withoutTwins(ports: readonly Port[]): Port[] {
  const seen = new Set<string>();
  return ports.filter(({ IP, PublicPort, PrivatePort, Type }) => {
    const key = `${isAnyAddress(IP) ? '' : IP}:${PublicPort}:${PrivatePort}/${Type}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function addressOf(ip: string | undefined): string {
  if (isAnyAddress(ip)) return 'localhost';
  return ip?.includes(':') ? `[${ip}]` : (ip ?? '');
}

/** Published TCP ports as links, those of an SSH host through a forwarded port; others as text. */
export function PortLinks({ ports }: { readonly ports: readonly Port[] }) {
  const { shell, host } = useApp();
  if (ports.length === 0) return <span className="muted">–</span>;
  const isFar = host?.kind === 'ssh';
  const open = async ({ IP, PublicPort = 0 }: Port): Promise<void> => {
    try {
      const address = isFar
        ? `localhost:${await forward(shell, host.id, PublicPort)}`
        : `${addressOf(IP)}:${PublicPort}`;
      await shell.call('external.open', { url: `http://${address}` });
    } catch (error) {
      showToast('error', errorMessage(error));
    }
  };
  return withoutTwins(ports).map((port) => {
    const key = `${port.IP}:${port.PublicPort}:${port.PrivatePort}/${port.Type}`;
    const text = port.PublicPort
      ? `${port.PublicPort}:${port.PrivatePort}`
      : `${port.PrivatePort}/${port.Type}`;
    if (!port.PublicPort || port.Type !== 'tcp') return <Fragment key={key}>{text} </Fragment>;
    return (
      <button
        key={key}
        type="button"
        className="link"
        title={isFar ? 'Forward the port to this machine and open it' : 'Open in the browser'}
        onClick={(event) => {
          event.stopPropagation();
          void open(port);
        }}
      >
        {text}
      </button>
    );
  });
}
