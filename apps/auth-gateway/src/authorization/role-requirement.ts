import { type Role, roleIncludes } from '@portcullis/contracts';

/** Which role a route asks for: `read` and `write`, and single methods that differ from them. */
export interface RoleRules {
  readonly read: Role;
  readonly write: Role;
  /** By method, in upper case. */
  readonly methods: Readonly<Record<string, Role>>;
}

export const DEFAULT_READ_ROLE: Role = 'Member';
export const DEFAULT_WRITE_ROLE: Role = 'Editor';

/** The role that a route asks for, by method. A method that the rules don't know needs the `write` role. */
export class RoleRequirement {
  readonly #byMethod: ReadonlyMap<string, Role>;
  readonly #write: Role;

  constructor(rules: RoleRules) {
    // HEAD shows what GET would show, so it follows GET where only GET is given.
    const head = rules.methods['GET'] ?? rules.read;
    const safe: [string, Role][] = [
      ['GET', rules.read],
      ['HEAD', head],
      ['OPTIONS', rules.read],
    ];
    this.#byMethod = new Map([...safe, ...Object.entries(rules.methods)]);
    this.#write = rules.write;
  }

  /** @param upgrades the request asks for another protocol, on which anything may be sent: it needs the `write` role at least */
  roleFor(method: string, upgrades: boolean): Role {
    const role = this.#byMethod.get(method) ?? this.#write;
    return upgrades && !roleIncludes(role, this.#write) ? this.#write : role;
  }
}
