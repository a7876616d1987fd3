import type { GatewayDto } from '../api/generated/types.gen.ts';
import listing from '../listing/listing.module.css';
import { RelativeTimeText } from '../times/relative-time-text.tsx';
import facts from '../tokens/token-facts.module.css';
import classes from './gateways-page.module.css';

const STATES: Record<GatewayDto['state'], { label: string; text: string; dot: string }> = {
  ok: { label: 'Up to date', text: 'Has applied every change', dot: 'Active' },
  behind: { label: 'Behind', text: 'Has not confirmed the latest change yet', dot: 'Revoked' },
  silent: { label: 'Silent', text: 'Its lease has run out: it admits nobody', dot: 'Silent' },
  fenced: { label: 'Fenced', text: 'Was cut off and has not come back: it admits nobody', dot: 'Silent' },
};
const COLUMNS = ['Gateway', 'State', 'Lease', 'Applied', 'Requests/s', 'Refused/s'] as const;
const number = new Intl.NumberFormat('en');
const rate = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** Rows of gateways, one for each process of one. */
export function GatewayTable({ gateways, seq }: { gateways: readonly GatewayDto[]; seq: number }) {
  return (
    <table className={listing.table} role="table" aria-label="Gateways">
      <thead role="rowgroup">
        <tr role="row">
          {COLUMNS.map((column) => (
            <th role="columnheader" scope="col" key={column}>
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {gateways.map((gateway) => (
          <GatewayRow key={`${gateway.instance} ${gateway.worker}`} gateway={gateway} seq={seq} />
        ))}
      </tbody>
    </table>
  );
}

function GatewayRow({ gateway, seq }: { gateway: GatewayDto; seq: number }) {
  const state = STATES[gateway.state];
  return (
    <tr role="row">
      <td role="cell" className={listing.text}>
        <div className={listing.title}>
          <span className={listing.name}>{gateway.instance}</span>
          {gateway.worker > 0 && <span className={listing.badge}>worker {gateway.worker}</span>}
        </div>
        <div className={listing.second}>
          <RelativeTimeText prefix="registered " time={gateway.registered_at} />
        </div>
      </td>
      <td role="cell" data-label="State">
        <span className={facts.status} title={state.text}>
          <span className={facts.dot} data-status={state.dot} aria-hidden />
          {state.label}
        </span>
      </td>
      <td role="cell" data-label="Lease">
        <LeaseMeter remainingMs={gateway.lease_remaining_ms} leaseMs={gateway.lease_ms} />
      </td>
      <td role="cell" data-label="Applied">
        <AppliedText applied={gateway.applied_seq} seq={seq} />
      </td>
      <td role="cell" data-label="Requests/s">
        {rate.format(gateway.requests_per_second)}
      </td>
      <td role="cell" data-label="Refused/s">
        {rate.format(gateway.refused_per_second)}
      </td>
    </tr>
  );
}

function LeaseMeter({ remainingMs, leaseMs }: { remainingMs: number; leaseMs: number }) {
  const text = remainingMs > 0 ? `${(remainingMs / 1_000).toFixed(1)} s left` : 'Over';
  return (
    <div className={classes.lease}>
      <span>{text}</span>
      <meter min={0} max={leaseMs} value={remainingMs} aria-label={`Lease: ${text}`} />
    </div>
  );
}

function AppliedText({ applied, seq }: { applied: number | null; seq: number }) {
  if (applied === null) return <span className={facts.quiet}>Nothing yet</span>;
  const behind = seq - applied;
  return (
    <div>
      {number.format(applied)} <span className={facts.quiet}>of {number.format(seq)}</span>
      {behind > 0 && <div className={classes.behind}>{number.format(behind)} behind</div>}
    </div>
  );
}
