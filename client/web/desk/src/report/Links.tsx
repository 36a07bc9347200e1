/** Corrections and withdrawals, from the earlier report to the later one and back. */
import type { ReportPage } from "../api.ts";
import { openReport } from "../inbox/MiniRow.tsx";
import { type Key, say } from "../words/say.ts";

export function Links({ report }: { readonly report: ReportPage }) {
  const to = report.withdraws ?? report.corrects;
  return (
    <>
      {to !== null && (
        <Link
          id={to}
          isGood={report.reference_counts}
          words={linkWords(report.withdraws === null, report.reference_counts)}
        />
      )}
      {report.referred_to_by.map(({ id, how, counts }) => (
        <Link key={id} id={id} isGood={counts} words={linkedWords(how === "corrects", counts)} />
      ))}
    </>
  );
}

function linkWords(isCorrection: boolean, counts: boolean): Key {
  if (!counts) return isCorrection ? "link.claimsCorrects" : "link.claimsWithdraws";
  return isCorrection ? "link.corrects" : "link.withdraws";
}

function linkedWords(isCorrection: boolean, counts: boolean): Key {
  if (!counts) return isCorrection ? "link.claimedCorrected" : "link.claimedWithdrawn";
  return isCorrection ? "link.corrected" : "link.withdrawn";
}

function Link({ id, isGood, words }: { id: string; isGood: boolean; words: Key }) {
  return (
    <p class={isGood ? "strip warn" : "strip plain"}>
      {say(words)}{" "}
      <button type="button" class="link" onClick={() => openReport(id)}>
        {say("link.open", { id: id.slice(0, 8) })}
      </button>
    </p>
  );
}
