/** Text of unknown length and content, on one line; the rest on hover. */
export function Clip({ children, mono = false }: { children: string; mono?: boolean }) {
  return (
    <span className={mono ? "clip mono" : "clip"} title={children} dir="auto">
      {children}
    </span>
  );
}
