import classes from './listing.module.css';

/** What somebody is called, and the id that tells them from others of that name. */
export function NameText({ name, user_id }: { name: string; user_id: string }) {
  return (
    <>
      <div className={classes.clamped} title={name}>
        {name}
      </div>
      {user_id !== name && (
        <div className={`${classes.second} ${classes.clamped}`} title={user_id}>
          {user_id}
        </div>
      )}
    </>
  );
}
