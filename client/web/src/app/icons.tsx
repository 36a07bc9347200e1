/** The drawings of the app. They say nothing that a word beside them does not. */
import type { Screen } from "./navigation.ts";

const paths: Readonly<Partial<Record<Screen, string>>> = {
  write: "M4 20l1-5L16 4l4 4L9 19l-5 1zM14 6l4 4",
  outbox: "M4 14v5h16v-5M12 15V4M7.5 8.5L12 4l4.5 4.5",
  inbox: "M4 14v5h16v-5M12 4v11M7.5 10.5L12 15l4.5-4.5",
  desk: "M4 20h16M6 20V9l6-5 6 5v11M10 20v-6h4v6",
  more: "M5 7h14M5 12h14M5 17h14",
};
export const LEAVE = "M10 5H5v14h5M9 12h11M16 8l4 4-4 4";
export const PHOTO = "M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.5 3.5 0 100-7 3.5 3.5 0 000 7z";
export const FILM = "M4 7h11v10H4zM15 11l5-3v8l-5-3";
export const SOUND =
  "M12 4a2.5 2.5 0 00-2.5 2.5v5a2.5 2.5 0 005 0v-5A2.5 2.5 0 0012 4zM6 11a6 6 0 0012 0M12 17v3";
export const CROSS = "M6 6l12 12M18 6L6 18";
export const FILE = "M7 4h7l4 4v12H7zM14 4v4h4";

export function Icon({ path }: { readonly path: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

export function ScreenIcon({ screen }: { readonly screen: Screen }) {
  return <Icon path={paths[screen] ?? ""} />;
}
