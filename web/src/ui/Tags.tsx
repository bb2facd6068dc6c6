import classes from "./ui.module.css";

/** Bare words of people or devices, as chips; those beyond `most` only as a number. */
export function Tags({ tags, most = tags.length }: { tags: string[]; most?: number }) {
  if (tags.length === 0) return <span className="quiet">–</span>;
  return (
    <span title={tags.join(" ")}>
      {tags.slice(0, most).map((tag) => (
        <span key={tag} className={classes.tag} dir="auto">
          {tag}
        </span>
      ))}
      {tags.length > most ? <span className="quiet">+{tags.length - most}</span> : null}
    </span>
  );
}
