/** Media of strangers in the editors' app: what `mounts` shows of it. */
import "./media.css";

export { Enlarged } from "./Enlarged.tsx";
export { MediaViewer } from "./MediaViewer.tsx";
