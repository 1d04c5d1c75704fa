import { createStore } from 'zustand/vanilla';

/** Whether the command palette is open: a key, the sidebar and a choice in it change that. */
export const palette = createStore<{ readonly isOpen: boolean }>(() => ({ isOpen: false }));
