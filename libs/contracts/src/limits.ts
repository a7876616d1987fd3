/** Largest body that Portcullis's own API takes, in bytes. Guarded APIs set their own limits. */
export const API_BODY_BYTES_MAX = 262_144;
