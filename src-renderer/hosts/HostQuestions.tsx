import { useRef, useState } from 'react';
import type { HostQuestion } from '../../shared/shell/contract.ts';
import { useApp } from '../app/context.tsx';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';
import { useHosts } from './hosts-store.ts';

const TITLES = {
  hostKey: 'Is this the right host?',
  passphrase: 'A key is locked',
  password: 'The host asks for a password',
  interactive: 'The host asks',
} as const;

/** Questions of connections, one after another, on whatever page. */
export function HostQuestions() {
  const [question] = useHosts((state) => state.questions);
  return question ? <Question key={question.id} question={question} /> : null;
}

function Question({ question }: { readonly question: HostQuestion }) {
  const { shell } = useApp();
  const hosts = useHosts((state) => state.hosts);
  const [values, setValues] = useState<readonly string[]>(question.fields.map(() => ''));
  const isAnswered = useRef(false);
  const { id, kind, message, problem, fingerprint, fields } = question;
  const decline = (): void => {
    if (isAnswered.current) return;
    // Asked no longer: the connection has ended meanwhile.
    shell.call('hosts.answer', { id }).catch(() => undefined);
  };
  return (
    <FormDialog
      title={TITLES[kind]}
      action={kind === 'hostKey' ? 'Yes, it is' : 'Go on'}
      help={
        <>
          <p>
            <b>{hosts.find((host) => host.id === question.host)?.name}</b>: {message}
          </p>
          {fingerprint !== undefined && (
            <p>
              Its key is <code>{fingerprint}</code>. Compare it with what the host itself says:{' '}
              <code>ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub</code>
            </p>
          )}
        </>
      }
      onSend={() => {
        isAnswered.current = true;
        return shell.call('hosts.answer', { id, fields: [...values] });
      }}
      onClose={decline}
    >
      {fields.map((field, index) => (
        <TextField
          key={field.label}
          label={field.label}
          type={field.isSecret ? 'password' : 'text'}
          autoComplete="off"
          autoFocus={index === 0}
          value={values[index] ?? ''}
          problem={index === 0 ? problem : undefined}
          onChange={(value) => setValues(values.with(index, value))}
        />
      ))}
    </FormDialog>
  );
}
