import { useState } from 'react';
import { useApp } from '../app/context.tsx';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';

interface LoginDialogProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Asks for what a registry wants to know; the engine tries it before it is kept. */
export function LoginDialog({ onDone, onClose }: LoginDialogProps) {
  const { shell, engine } = useApp();
  const [address, setAddress] = useState('');
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const login = async (): Promise<void> => {
    await shell.call('registries.login', {
      host: engine.host,
      address: address.trim() || 'docker.io',
      username,
      password,
    });
    onDone();
  };
  return (
    <FormDialog
      title="Log in to a registry"
      action="Log in"
      help="The password goes to the registry and to where passwords are kept, and is never shown again."
      isReady={username !== '' && password !== ''}
      onSend={login}
      onClose={onClose}
    >
      <TextField
        label="Registry"
        help="Such as ghcr.io or host:5000. Empty: Docker Hub."
        placeholder="docker.io"
        autoFocus
        value={address}
        onChange={setAddress}
      />
      <TextField label="User" autoComplete="username" value={username} onChange={setUsername} />
      <TextField
        label="Password or token"
        type="password"
        autoComplete="current-password"
        value={password}
        onChange={setPassword}
      />
    </FormDialog>
  );
}
