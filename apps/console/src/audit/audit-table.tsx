import type { AuditRecordDto } from '../api/generated/types.gen.ts';
import classes from '../listing/listing.module.css';
import { RelativeTimeText } from '../times/relative-time-text.tsx';
import { changesOf } from './changes.ts';

/** Rows of the audit trail. */
export function AuditTable({ records }: { records: readonly AuditRecordDto[] }) {
  return (
    <table className={classes.table} role="table" aria-label="Audit">
      <thead role="rowgroup">
        <tr role="row">
          {['Action', 'Target', 'What changed', 'By', 'From', 'When'].map((name) => (
            <th role="columnheader" scope="col" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {records.map((record) => (
          <tr role="row" key={record.id}>
            <td role="cell">
              <span className={classes.name}>{record.action}</span>
            </td>
            <td role="cell" data-label="Target">
              {record.target}
            </td>
            <td role="cell" data-label="What changed" className={classes.text}>
              <Changes record={record} />
            </td>
            <td role="cell" data-label="By" className={classes.text}>
              <div>
                {record.actor_user_id ?? 'nobody known'}
                <div className={classes.second}>{record.actor_credential}</div>
              </div>
            </td>
            <td role="cell" data-label="From">
              {record.address ?? ''}
            </td>
            <td role="cell" data-label="When">
              <RelativeTimeText time={record.at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Changes({ record }: { record: AuditRecordDto }) {
  const changes = changesOf(record);
  if (changes.length === 0) return null;
  return (
    <div>
      {changes.map(({ name, before, after }) => (
        <div key={name}>
          <span className={classes.second}>{name}: </span>
          {before !== undefined && after !== undefined ? `${before} → ${after}` : (before ?? after)}
        </div>
      ))}
    </div>
  );
}
