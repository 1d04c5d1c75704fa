import { type DragEvent, type ReactNode, useState } from 'react';
import { showToast } from '../ui/toasts.ts';

interface FileDropProps {
  readonly children: ReactNode;
  readonly onFiles: (files: readonly File[]) => void;
}

/** A pane that takes files dropped on it. */
export function FileDrop({ children, onFiles }: FileDropProps) {
  const [isOver, setIsOver] = useState(false);
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    setIsOver(false);
    const items = [...event.dataTransfer.items].filter(({ kind }) => kind === 'file');
    const hasFolder = items.some((item) => item.webkitGetAsEntry()?.isDirectory);
    if (hasFolder) showToast('error', 'Folders cannot be dropped here; drop the files in them.');
    else onFiles(items.flatMap((item) => item.getAsFile() ?? []));
  };
  return (
    <section
      aria-label="Files, take what is dropped here"
      className={`pane${isOver ? ' drop' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={onDrop}
    >
      {children}
    </section>
  );
}
