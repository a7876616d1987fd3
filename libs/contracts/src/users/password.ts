/** In characters; NIST SP 800-63B asks for length and for nothing else. */
export const PASSWORD_CHARACTERS_MIN = 12;
export const PASSWORD_CHARACTERS_MAX = 256;
