import { Fragment } from 'react';
import type { Port } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp } from '../app/context.tsx';
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

/** Published TCP ports as links to this machine; others as text. */
export function PortLinks({ ports }: { readonly ports: readonly Port[] }) {
  const { shell } = useApp();
  if (ports.length === 0) return <span className="muted">–</span>;
  const open = (url: string): void => {
    shell
      .call('external.open', { url })
      .catch((error: unknown) => showToast('error', errorMessage(error)));
  };
  return withoutTwins(ports).map((port) => {
    const key = `${port.IP}:${port.PublicPort}:${port.PrivatePort}/${port.Type}`;
    const text = port.PublicPort
      ? `${port.PublicPort}:${port.PrivatePort}`
      : `${port.PrivatePort}/${port.Type}`;
    if (!port.PublicPort || port.Type !== 'tcp') return <Fragment key={key}>{text} </Fragment>;
    const host = addressOf(port.IP);
    return (
      <button
        key={key}
        type="button"
        className="link"
        onClick={(event) => {
          event.stopPropagation();
          open(`http://${host}:${port.PublicPort}`);
        }}
      >
        {text}
      </button>
    );
  });
}
