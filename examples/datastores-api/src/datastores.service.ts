import { ConflictException, Injectable } from '@nestjs/common';
import type { NewDatastore } from './new-datastore.js';

export interface Datastore extends NewDatastore {
  id: number;
  created_by: string | null;
}

const DATASTORES_MAX = 1_000;

/** Keeps datastores in memory: an example needs no database. */
@Injectable()
export class DatastoresService {
  readonly #datastores: Datastore[] = [
    { id: 1, name: 'warehouse', type: 'postgres', created_by: null },
    { id: 2, name: 'clickstream', type: 'kafka', created_by: null },
  ];

  list(): Datastore[] {
    return this.#datastores;
  }

  /** Adds a datastore under the next number. Throws 409 when the name is taken or there are 1,000 of them. */
  add(added: NewDatastore, createdBy: string | null): Datastore {
    if (this.#datastores.some(({ name }) => name === added.name)) {
      throw new ConflictException(`a datastore named "${added.name}" exists already`);
    }
    if (this.#datastores.length >= DATASTORES_MAX)
      throw new ConflictException(`${DATASTORES_MAX} datastores are enough`);
    const datastore = { id: this.#datastores.length + 1, ...added, created_by: createdBy };
    this.#datastores.push(datastore);
    return datastore;
  }
}
