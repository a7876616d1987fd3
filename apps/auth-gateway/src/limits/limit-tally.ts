/** Requests that a limit has refused, by kind of limit, in plain numbers. */
export class LimitTally {
  failed_authentication = 0;
  per_token = 0;
  per_user = 0;
  upgrades_per_token = 0;
}
