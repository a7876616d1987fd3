import classes from '../tokens/token-facts.module.css';

/** Whether someone may enter at all. */
export function ActivityDot({ active }: { active: boolean }) {
  return (
    <span className={classes.status}>
      <span className={classes.dot} data-status={active ? 'Active' : 'Inactive'} aria-hidden />
      {active ? 'Active' : 'Inactive'}
    </span>
  );
}
