/**
 * The containers in memory, found by id, name or unique id prefix, and the names that are taken.
 * Follows moby daemon/container.go GetContainer, daemon/names.go, pkg/truncindex.
 */
import { randomBytes } from 'node:crypto';
import { conflict, invalidArgument, notFound } from '../../../shared/errors.ts';
import type { Container } from './container.ts';
import { randomName } from './random-name.ts';

const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** 64 hex digits whose first 12 are not all decimal, so that they can serve as a host name. */
export function newContainerId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (!/^\d{12}/.test(id)) return id;
  }
}

export class ContainerRegistry {
  readonly #byId = new Map<string, Container>();
  readonly #idByName = new Map<string, string>();

  all(): readonly Container[] {
    return [...this.#byId.values()];
  }

  get(id: string): Container | undefined {
    return this.#byId.get(id);
  }

  /** The container for an id, a name (with or without slash) or a unique id prefix. */
  find(nameOrId: string): Container {
    if (nameOrId === '') throw invalidArgument('invalid name or ID supplied: ""');
    const name = nameOrId.replace(/^\//, '');
    const direct = this.#byId.get(nameOrId) ?? this.#byName(name) ?? this.#byLink(name);
    if (direct) return direct;
    const matches = name === '' ? [] : this.all().filter((one) => one.id.startsWith(name));
    const [only] = matches;
    if (matches.length > 1)
      throw invalidArgument(`Multiple IDs found with provided prefix: ${name}`);
    if (!only) throw notFound(`No such container: ${nameOrId}`);
    return only;
  }

  #byName(name: string): Container | undefined {
    const id = this.#idByName.get(name);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** `web/db`: what web knows as db. */
  #byLink(name: string): Container | undefined {
    const slash = name.lastIndexOf('/');
    const parent = slash < 0 ? undefined : this.#byName(name.slice(0, slash));
    const alias = name.slice(slash + 1);
    const link = parent?.record.links?.find((one) => one.alias === alias);
    return link && this.#byId.get(link.containerId);
  }

  /** Takes a name for `id`; '' picks a free random one. Throws Docker's invalid-name and conflict errors. */
  reserveName(requested: string, id: string): string {
    const name = requested.replace(/^\//, '');
    if (requested === '') return this.#reserveRandomName(id);
    if (!NAME_PATTERN.test(name))
      throw invalidArgument(
        `Invalid container name (${requested}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      );
    const holder = this.#idByName.get(name);
    if (holder !== undefined && holder !== id)
      throw conflict(
        `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    this.#idByName.set(name, id);
    return name;
  }

  #reserveRandomName(id: string): string {
    for (let attempt = 0; attempt < 6; attempt++) {
      const name = randomName(attempt);
      if (this.#idByName.has(name)) continue;
      this.#idByName.set(name, id);
      return name;
    }
    const name = id.slice(0, 12);
    this.#idByName.set(name, id);
    return name;
  }

  releaseName(name: string, id: string): void {
    if (this.#idByName.get(name) === id) this.#idByName.delete(name);
  }

  add(container: Container): void {
    this.#byId.set(container.id, container);
  }

  delete(container: Container): void {
    this.#byId.delete(container.id);
    this.releaseName(container.name, container.id);
  }
}
