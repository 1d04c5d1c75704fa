/** Detach keys: parsing (`ctrl-p,ctrl-q`) and finding them in typed input (moby/term ascii.go, proxy.go). */

const NAMED_CONTROL: Readonly<Record<string, number>> = {
  '@': 0,
  '[': 27,
  '\\': 28,
  ']': 29,
  '^': 30,
  _: 31,
};

export const DEFAULT_DETACH_KEYS: readonly number[] = [16, 17];

function keyCode(name: string): number | undefined {
  if (name.length === 1) return name.charCodeAt(0);
  const control = /^ctrl-(.)$/.exec(name)?.[1];
  if (control === undefined) return undefined;
  if (/[a-z]/.test(control)) return control.charCodeAt(0) - 96;
  return NAMED_CONTROL[control];
}

/** Key codes of a comma list; undefined when one of them is no key. */
export function parseDetachKeys(text: string): readonly number[] | undefined {
  const codes = text.split(',').map(keyCode);
  return codes.includes(undefined) ? undefined : (codes as number[]);
}

/** Watches input for the sequence. Bytes of an unfinished match are held back until they decide. */
export class DetachScanner {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What to pass on, and whether the sequence is complete (nothing after it is passed on). */
  push(chunk: Uint8Array): { readonly forward: Uint8Array; readonly detached: boolean } {
    const forward: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length)
          return { forward: Uint8Array.from(forward), detached: true };
        continue;
      }
      forward.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) forward.push(byte);
    }
    return { forward: Uint8Array.from(forward), detached: false };
  }
}
