import { X } from 'lucide-react';
import { useStore } from 'zustand';
import { dismissToast, toasts } from './toasts.ts';

export function Toasts() {
  const { list } = useStore(toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {list.map((toast) => (
        <div key={toast.key} className={`toast toast-${toast.kind}`}>
          <span>{toast.text}</span>
          <button
            type="button"
            className="icon"
            aria-label="Dismiss"
            onClick={() => dismissToast(toast.key)}
          >
            <X size={15} aria-hidden />
          </button>
        </div>
      ))}
    </div>
  );
}
