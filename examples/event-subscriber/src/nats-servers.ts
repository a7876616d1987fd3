/** Where NATS is: `NATS_URL`, several separated by commas. */
export const servers = (process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222').split(',');
