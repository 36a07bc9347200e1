/** What is set beside a report, and what is taken out. */
import "./checks.css";

export { ExportPanel } from "./ExportPanel.tsx";
export { Figures } from "./Figures.tsx";
export { IncidentContents } from "./IncidentContents.tsx";
export { Related } from "./Related.tsx";
