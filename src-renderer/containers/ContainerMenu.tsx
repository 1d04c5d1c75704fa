/** What else can be done with one container: a menu beside its buttons, and the small forms it opens. */
import { MoreHorizontal } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { useState } from 'react';
import { useLocation } from 'wouter';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp } from '../app/context.tsx';
import { readPlan } from '../create/make-container.ts';
import { query } from '../engine/engine-client.ts';
import { composeText } from '../run/compose-text.ts';
import { type RunPlan, writeRunLine } from '../run/run-plan.ts';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';
import { showToast } from '../ui/toasts.ts';
import { act, canDo, nameOf } from './container-actions.ts';
import { LimitsDialog } from './LimitsDialog.tsx';
import { StartDialog } from './StartDialog.tsx';

export function ContainerMenu({ container }: { readonly container: ContainerSummary }) {
  const { engine } = useApp();
  const [, navigate] = useLocation();
  const [opens, setOpens] = useState<'rename' | 'limits' | 'start'>();
  const id = container.Id ?? '';
  const name = nameOf(container);
  const copy = async (write: (plan: RunPlan) => string, what: string): Promise<void> => {
    try {
      await navigator.clipboard.writeText(write(await readPlan(engine, id)));
      showToast('info', `${what} of ${name} copied`);
    } catch (error) {
      showToast('error', errorMessage(error));
    }
  };
  const items: readonly (readonly [string, () => void] | undefined)[] = [
    canDo('pause', container)
      ? ['Pause', () => void act(engine, 'pause', [container])]
      : canDo('unpause', container)
        ? ['Unpause', () => void act(engine, 'unpause', [container])]
        : undefined,
    canDo('start', container) ? ['Start…', () => setOpens('start')] : undefined,
    ['Rename…', () => setOpens('rename')],
    ['Change limits…', () => setOpens('limits')],
    ['Edit and recreate…', () => navigate(`/create?edit=${id}`)],
    ['Duplicate…', () => navigate(`/create?from=${id}`)],
    ['Copy as docker run', () => void copy(writeRunLine, 'The command line')],
    ['Copy as Compose', () => void copy(composeText, 'The Compose service')],
  ];
  return (
    <>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger asChild>
          <button type="button" className="icon" aria-label={`More for ${name}`} title="More">
            <MoreHorizontal size={16} aria-hidden />
          </button>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content className="menu" align="end" onClick={(e) => e.stopPropagation()}>
            {items.map(
              (item) =>
                item && (
                  <DropdownMenu.Item key={item[0]} onSelect={item[1]}>
                    {item[0]}
                  </DropdownMenu.Item>
                ),
            )}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {opens === 'rename' && <RenameDialog {...{ id, name }} onClose={() => setOpens(undefined)} />}
      {opens === 'start' && (
        <StartDialog container={container} onClose={() => setOpens(undefined)} />
      )}
      {opens === 'limits' && <LimitsDialog {...{ id, name }} onClose={() => setOpens(undefined)} />}
    </>
  );
}

interface RenameProps {
  readonly id: string;
  readonly name: string;
  readonly onClose: () => void;
}

function RenameDialog({ id, name, onClose }: RenameProps) {
  const { engine } = useApp();
  const [next, setNext] = useState(name);
  return (
    <FormDialog
      title={`Rename ${name}`}
      action="Rename"
      isReady={next !== '' && next !== name}
      onSend={() => engine.post(`/containers/${id}/rename${query({ name: next })}`)}
      onClose={onClose}
    >
      <TextField label="New name" autoFocus value={next} onChange={setNext} />
    </FormDialog>
  );
}
