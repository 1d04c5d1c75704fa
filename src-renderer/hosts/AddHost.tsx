import { useEffect, useState } from 'react';
import type { DockerContext, HostWay } from '../../shared/shell/contract.ts';
import { useApp } from '../app/context.tsx';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';

const KINDS = [
  { kind: 'ssh', label: 'SSH' },
  { kind: 'tcp', label: 'TCP with TLS' },
  { kind: 'context', label: 'Docker context' },
  { kind: 'socket', label: 'Socket' },
] as const;
type Kind = (typeof KINDS)[number]['kind'];

const orUndefined = (text: string): string | undefined => text.trim() || undefined;

/** A machine to look after, by the way there. What is wrong with the way is shown on its card. */
export function AddHost({ onClose }: { readonly onClose: () => void }) {
  const { shell } = useApp();
  const [kind, setKind] = useState<Kind>('ssh');
  const [name, setName] = useState('');
  const [destination, setDestination] = useState('');
  const [engineSocket, setEngineSocket] = useState('');
  const [address, setAddress] = useState('');
  const [certificates, setCertificates] = useState('');
  const [path, setPath] = useState('/var/run/docker.sock');
  const [contexts, setContexts] = useState<readonly DockerContext[]>([]);
  const [context, setContext] = useState('default');
  useEffect(() => {
    shell.call('contexts.list', {}).then(setContexts, () => undefined);
  }, [shell]);
  const ways: Record<Kind, () => HostWay> = {
    ssh: () => ({ kind: 'ssh', destination, engineSocket: orUndefined(engineSocket) }),
    tcp: () => {
      const parts = /^(?:tcp:\/\/)?(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address.trim());
      const directory = certificates.trim().replace(/\/$/, '');
      const tls = {
        ca: `${directory}/ca.pem`,
        cert: `${directory}/cert.pem`,
        key: `${directory}/key.pem`,
      };
      return {
        kind: 'tcp',
        host: parts?.[1] ?? parts?.[2] ?? '',
        port: Number(parts?.[3] ?? 0),
        ...(directory !== '' && { tls }),
      };
    },
    context: () => ({ kind: 'context', context }),
    socket: () => ({ kind: 'socket', path }),
  };
  const suggested = { ssh: destination, tcp: address, context, socket: path }[kind];
  return (
    <FormDialog
      title="Add a host"
      action="Add"
      isReady={suggested.trim() !== ''}
      onSend={() =>
        shell.call('hosts.add', { name: orUndefined(name) ?? suggested.trim(), way: ways[kind]() })
      }
      onClose={onClose}
    >
      <div className="segments" role="group" aria-label="How to reach it">
        {KINDS.map((one) => (
          <button
            key={one.kind}
            type="button"
            aria-pressed={kind === one.kind}
            onClick={() => setKind(one.kind)}
          >
            {one.label}
          </button>
        ))}
      </div>
      {kind === 'ssh' && (
        <>
          <TextField
            label="Destination"
            help="user@host:port, or a name of your ~/.ssh/config; its keys, agent and jumps are used."
            value={destination}
            onChange={setDestination}
            autoFocus
          />
          <TextField
            label="Engine socket there"
            help="Left empty, Docker, Podman or windlassd is found by itself."
            value={engineSocket}
            onChange={setEngineSocket}
          />
        </>
      )}
      {kind === 'tcp' && (
        <>
          <TextField
            label="Address"
            help="host:2376"
            value={address}
            onChange={setAddress}
            autoFocus
          />
          <TextField
            label="Directory of certificates"
            help="With ca.pem, cert.pem and key.pem. Left empty, the line is neither encrypted nor checked."
            value={certificates}
            onChange={setCertificates}
          />
        </>
      )}
      {kind === 'context' && (
        <div className="field">
          <label htmlFor="host-context">Context</label>
          <select
            id="host-context"
            value={context}
            onChange={(event) => setContext(event.target.value)}
          >
            {contexts.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name} ({one.dockerHost})
              </option>
            ))}
          </select>
        </div>
      )}
      {kind === 'socket' && <TextField label="Path" value={path} onChange={setPath} autoFocus />}
      <TextField
        label="Name"
        help={`Left empty: ${suggested || 'the address'}`}
        value={name}
        onChange={setName}
      />
    </FormDialog>
  );
}
