/** Keys that work on every page, but never while somebody types. */
import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { palette } from './palette-store.ts';
import { SECTIONS } from './sections.ts';

const SECOND_KEY_MS = 1_500;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

const isInTerminal = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest('.terminal') !== null;

/** Ctrl+K or Cmd+K opens the palette; `g` and a letter lead to a section, `c` creates, `/` searches. */
export function useShortcuts(): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    let firstKeyAt = 0;
    const onKeyDown = (event: KeyboardEvent): void => {
      // In a terminal Ctrl+K is the shell's.
      const isOurs = event.metaKey || (event.ctrlKey && !isInTerminal(event.target));
      if (event.key.toLowerCase() === 'k' && isOurs) {
        event.preventDefault();
        palette.setState(({ isOpen }) => ({ isOpen: !isOpen }));
        return;
      }
      const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
      // A dialog has the keyboard to itself.
      if (hasModifier || isTyping(event.target) || document.querySelector('[role="dialog"]'))
        return;
      const isSecond = performance.now() - firstKeyAt < SECOND_KEY_MS;
      firstKeyAt = event.key === 'g' ? performance.now() : 0;
      const section = SECTIONS.find(({ keys }) => keys === `g ${event.key}`);
      if (isSecond && section) navigate(section.path);
      else if (event.key === 'c') navigate('/create');
      else if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('input[type="search"]');
        if (!search) return;
        event.preventDefault();
        search.focus();
      }
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [navigate]);
}
