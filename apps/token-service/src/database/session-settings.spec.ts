import { expect, it } from 'vitest';
import { withSettings } from './session-settings.js';

it('sets what we need behind what the URL asks for, and leaves the rest of the URL alone', () => {
  expect(withSettings('postgres://u:p%2Fw@db:5432/d?sslmode=require', ['lock_timeout=1s', 'timezone=UTC'])).toEqual({
    connectionString: 'postgres://u:p%2Fw@db:5432/d?sslmode=require',
    options: '-c lock_timeout=1s -c timezone=UTC',
  });
  expect(
    withSettings('postgres://u:p%2Fw@db/d?options=-c%20search_path%3Da&sslmode=require', ['lock_timeout=1s']),
  ).toEqual({
    connectionString: 'postgres://u:p%2Fw@db/d?sslmode=require',
    options: '-c search_path=a -c lock_timeout=1s',
  });
});
