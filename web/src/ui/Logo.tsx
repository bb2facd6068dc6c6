/** The mark: a windlass, its drum and its rope. */
export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="#1c6b85" />
      <path d="M7 9v14M25 9v14" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" />
      <rect x="9.5" y="11" width="13" height="7" rx="2" fill="#fff" />
      <path d="M12.4 11v7M16 11v7M19.6 11v7" stroke="#1c6b85" strokeWidth="1.3" />
      <path d="M16 18v6.5" stroke="#8fd3e8" strokeWidth="2" strokeLinecap="round" />
      <circle cx="16" cy="25.5" r="1.8" fill="#8fd3e8" />
    </svg>
  );
}
