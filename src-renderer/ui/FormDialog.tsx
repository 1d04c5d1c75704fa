/** A small form in front of the page; what goes wrong on sending stays in it. */
import { Dialog } from 'radix-ui';
import { type FormEvent, type ReactNode, useState } from 'react';
import { errorMessage } from '../../shared/errors.ts';

interface FormDialogProps {
  readonly title: string;
  readonly action: string;
  readonly help?: ReactNode;
  readonly children: ReactNode;
  readonly isReady?: boolean;
  /** Closes the dialog when it resolves; its rejection is shown. */
  readonly onSend: () => Promise<unknown>;
  readonly onClose: () => void;
}

export function FormDialog(props: FormDialogProps) {
  const { title, action, help, children, isReady = true, onSend, onClose } = props;
  const [problem, setProblem] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const send = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setIsBusy(true);
    setProblem('');
    try {
      await onSend();
      onClose();
    } catch (error) {
      setProblem(errorMessage(error));
      setIsBusy(false);
    }
  };
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog" {...(help ? {} : { 'aria-describedby': undefined })}>
          <Dialog.Title>{title}</Dialog.Title>
          {help && (
            <Dialog.Description asChild>{<div className="muted">{help}</div>}</Dialog.Description>
          )}
          <form onSubmit={(event) => void send(event)}>
            {children}
            {problem && (
              <p className="error-text" role="alert">
                {problem}
              </p>
            )}
            <div className="actions">
              <button type="button" onClick={onClose}>
                Cancel
              </button>
              <button type="submit" className="primary" disabled={!isReady || isBusy}>
                {action}
              </button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
