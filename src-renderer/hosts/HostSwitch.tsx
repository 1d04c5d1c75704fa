import { useApp } from '../app/context.tsx';
import { HOST_STATES } from './host-states.ts';
import { useHosts } from './hosts-store.ts';

/** Which machine the screens show. */
export function HostSwitch() {
  const { host, chooseHost } = useApp();
  const hosts = useHosts((state) => state.hosts);
  if (!host) return null;
  const { dot, label } = HOST_STATES[host.status.state];
  return (
    <div className="host" title={host.dockerHost}>
      <span className={`dot ${dot}`} aria-hidden /> <span className="sr-only">{label}</span>
      {hosts.length > 1 ? (
        <select
          aria-label="Host"
          value={host.id}
          onChange={(event) => chooseHost(event.target.value)}
        >
          {hosts.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        host.name
      )}
      <code>{host.dockerHost}</code>
    </div>
  );
}
