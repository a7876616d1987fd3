import { describe, expect, it } from 'vitest';
import { RouteTable } from './route-table.js';

const table = new RouteTable(['/', '/api', '/api/data', '/api/datastores'].map((prefix) => ({ prefix })));

describe('RouteTable', () => {
  it.each([
    ['/', '/'],
    ['/apis', '/'],
    ['/api', '/api'],
    ['/api/', '/api'],
    ['/api/x/y', '/api'],
    ['/api/data', '/api/data'],
    ['/api/data/1', '/api/data'],
    ['/api/datas', '/api'],
    ['/api/datastores', '/api/datastores'],
    ['/api/datastores/1/2/', '/api/datastores'],
    ['/API/data', '/'],
  ])('takes the longest prefix on segment boundaries: %s belongs to %s', (path, prefix) => {
    expect(table.find(path)?.prefix).toBe(prefix);
  });

  it('finds nothing where no prefix covers the path', () => {
    expect(new RouteTable([{ prefix: '/api' }]).find('/other')).toBeUndefined();
    expect(new RouteTable([]).find('/')).toBeUndefined();
  });
});
