/** The mark of Portcullis; decoration. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden focusable={false}>
      <rect width="32" height="32" rx="7" fill="#3b5bdb" />
      <path
        d="M8 27V13a8 8 0 0 1 16 0v14M13.3 6.2V27M18.7 6.2V27M8 14h16M8 20.5h16"
        fill="none"
        stroke="#fff"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
    </svg>
  );
}
