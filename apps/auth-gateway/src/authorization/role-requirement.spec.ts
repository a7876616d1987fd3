import { describe, expect, it } from 'vitest';
import { RoleRequirement } from './role-requirement.js';

describe('RoleRequirement', () => {
  it.each([
    ['GET', 'Member'],
    ['HEAD', 'Member'],
    ['OPTIONS', 'Member'],
    ['POST', 'Editor'],
    ['PATCH', 'Editor'],
    ['PROPFIND', 'Editor'],
    ['QUERY', 'Editor'],
  ])('asks read for safe methods and write for all others: %s needs %s', (method, role) => {
    expect(new RoleRequirement({ read: 'Member', write: 'Editor', methods: {} }).roleFor(method, false)).toBe(role);
  });

  it('lets a single method differ, and HEAD follow GET', () => {
    const roles = new RoleRequirement({
      read: 'Member',
      write: 'Editor',
      methods: { GET: 'Manager', DELETE: 'Admin' },
    });
    const asked = ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE'].map((method) => roles.roleFor(method, false));
    expect(asked).toEqual(['Manager', 'Manager', 'Member', 'Editor', 'Admin']);
  });

  it('asks for the write role when a connection is to be upgraded, or more where the method asks for more', () => {
    const roles = new RoleRequirement({ read: 'Member', write: 'Editor', methods: { DELETE: 'Admin' } });
    expect(roles.roleFor('GET', true)).toBe('Editor');
    expect(roles.roleFor('DELETE', true)).toBe('Admin');
  });
});
