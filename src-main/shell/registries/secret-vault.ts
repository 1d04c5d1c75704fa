/** Where secrets lie that no credential helper keeps: behind the platform's keychain, or nowhere but in memory. */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { writeOwnFile } from '../../hosts/write-file.ts';

export interface SecretVault {
  /** What it is called before a person. */
  readonly kind: 'keychain' | 'memory';
  read(): string | undefined;
  write(text: string): Promise<void>;
}

/** Gone when the app ends. */
export function memoryVault(): SecretVault {
  let kept: string | undefined;
  return {
    kind: 'memory',
    read: () => kept,
    write: async (text) => {
      kept = text;
    },
  };
}

/** The part of Electron's safeStorage that is needed here. */
export interface SafeStorage {
  isEncryptionAvailable(): boolean;
  getSelectedStorageBackend?(): string;
  encryptString(text: string): Buffer;
  decryptString(bytes: Buffer): string;
}

/** A file only the platform's keychain opens; in memory where there is none. Asked only when the app is ready. */
export function keychainVault(storage: SafeStorage, path: string): SecretVault {
  // `basic_text` is a password everybody knows.
  const isReal =
    storage.isEncryptionAvailable() && storage.getSelectedStorageBackend?.() !== 'basic_text';
  if (!isReal) return memoryVault();
  return {
    kind: 'keychain',
    read: () => {
      if (!existsSync(path)) return undefined;
      try {
        return storage.decryptString(readFileSync(path));
      } catch {
        // Of another keychain: set aside, it may be its owner's only copy.
        renameSync(path, `${path}.broken`);
        return undefined;
      }
    },
    write: (text) => writeOwnFile(path, storage.encryptString(text).toString('latin1'), 'latin1'),
  };
}
