import { describe, expect, it } from 'vitest';
import { type BulkOperation, orderByReference, readBulk, references, resolved } from './bulk-request.js';

function post(bulkId: string, ...needs: string[]): BulkOperation {
  const data = { members: needs.map((need) => ({ value: `bulkId:${need}` })) };
  return { method: 'POST', endpoint: 'Groups', id: undefined, bulkId, version: undefined, data };
}

describe('bulk operations', () => {
  it('come after what they refer to, and otherwise stay in order', () => {
    const { ordered, circular } = orderByReference([post('a', 'c'), post('b'), post('c', 'd'), post('d')]);
    expect({ ordered, circular }).toEqual({ ordered: [1, 3, 2, 0], circular: [] });
  });

  it('are read as the example in RFC 7644 section 3.7.3 has them, the operations of a PATCH in a list', () => {
    const data = [{ op: 'remove', path: 'nickName' }];
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
    const patch = { method: 'PATCH', path: '/Users/5d8d29d3', version: 'W/"edac3253e2c0ef2"', data };
    const { operations } = readBulk({ schemas, failOnErrors: 1, Operations: [patch] });
    expect(operations).toMatchObject([
      { method: 'PATCH', endpoint: 'Users', id: '5d8d29d3', data: { Operations: data } },
    ]);
  });

  it('in a circle are told apart, with all that wait for them', () => {
    const { ordered, circular } = orderByReference([
      post('a', 'b'),
      post('b', 'a'),
      post('c', 'a'),
      post('d', 'nobody'),
    ]);
    expect({ ordered, circular }).toEqual({ ordered: [3], circular: [0, 1, 2] });
  });

  it('get ids in the place of references', () => {
    const operation = { ...post('a', 'b'), method: 'PATCH' as const, id: 'bulkId:c' };
    expect(references(operation).toSorted()).toEqual(['b', 'c']);
    expect(resolved(operation, (bulkId) => `id-${bulkId}`)).toMatchObject({
      id: 'id-c',
      data: { members: [{ value: 'id-b' }] },
    });
  });
});
