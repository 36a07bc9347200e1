/**
 * A file of the report over the whole window: what it is stays written beside it, and the focus
 * stays in it until it is shut.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ReportFile, ReportPage } from "../api.ts";
import { diminish, enlarge, enlarged, isPlaying } from "../state/enlarging.ts";
import { latin, type PictureCommand, pressInPicture } from "../state/keys.ts";
import { say } from "../words/say.ts";
import { useBest } from "./best.ts";
import { Renditions, Told } from "./Caption.tsx";
import { here, isShowable, kindOf, stills } from "./kinds.ts";
import { Player, PlayerChoice } from "./Player.tsx";
import { type Playable, useForms } from "./playable.ts";
import { Stage } from "./Stage.tsx";
import { CLOSER, pushed, real, type Size, scaleOf, WHOLE, zoomed } from "./view.ts";

export function Enlarged({ report }: { readonly report: ReportPage }) {
  const number = enlarged.value;
  const file = number === null ? undefined : report.files[number];
  // Another report has other files.
  useEffect(
    () => () => {
      enlarged.value = null;
    },
    [report.id],
  );
  if (number === null || file === undefined) return null;
  return <Whole report={report} number={number} file={file} />;
}

interface FileProps {
  readonly report: ReportPage;
  readonly number: number;
  readonly file: ReportFile;
}

/** How a key moves the picture, once it is there. */
type Move = (command: PictureCommand) => void;

function Whole({ report, number, file }: FileProps) {
  const box = useRef<HTMLDialogElement>(null);
  const move = useRef<Move | null>(null);
  useEffect(() => {
    box.current?.showModal();
    const inside = (what: string) => box.current?.querySelector<HTMLElement>(what);
    (inside(".stage") ?? inside("button:enabled"))?.focus();
  }, []);
  const all = report.files.flatMap((each, at) => (isShowable(each) ? [at] : []));
  const at = all.indexOf(number);
  const go = (by: number) => {
    const to = all[at + by];
    if (to !== undefined) enlarge(to);
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // What plays has keys of its own.
    if (event.target instanceof HTMLMediaElement && event.key.startsWith("Arrow")) return;
    const command = pressInPicture(latin(event));
    if (command === null || command === "shut") return;
    event.preventDefault();
    if (command === "nextFile" || command === "previousFile") go(command === "nextFile" ? 1 : -1);
    else move.current?.(command);
  };
  const name = file.name || say("files.unnamed");
  return (
    <dialog
      ref={box}
      class="enlarged"
      aria-label={say("media.enlarged", { name })}
      onClose={diminish}
      onKeyDown={press}
    >
      <div class="enlarged-bar">
        <h2>
          <bdi>{name}</bdi>
        </h2>
        <span class="hint">
          {say("media.fileOf", { number: number + 1, count: report.files.length })}
        </span>
        <span class="row">
          <button type="button" class="quiet small" disabled={at < 1} onClick={() => go(-1)}>
            {say("media.previousFile")}
          </button>
          <button
            type="button"
            class="quiet small"
            disabled={at + 1 >= all.length}
            onClick={() => go(1)}
          >
            {say("media.nextFile")}
          </button>
          <button type="button" class="quiet small" onClick={() => box.current?.close()}>
            {say("close")}
          </button>
        </span>
      </div>
      <Contents key={number} report={report} number={number} file={file} move={move} />
    </dialog>
  );
}

const STEP_PX = 80;
const STEPS: Readonly<Partial<Record<PictureCommand, readonly [x: number, y: number]>>> = {
  left: [1, 0],
  right: [-1, 0],
  up: [0, 1],
  down: [0, -1],
};

interface ContentsProps extends FileProps {
  readonly move: { current: Move | null };
}

function Contents({ report, number, file, move }: ContentsProps) {
  const kind = kindOf(file);
  const hasOriginal = here(file).includes("original");
  const forms = useForms(report.id, number, hasOriginal && kind !== "picture");
  const playing = useSignal<Playable | null>(
    isPlaying.peek() && hasOriginal ? (kind === "sound" ? "sound" : "film") : null,
  );
  const view = useSignal(WHOLE);
  const room = useSignal<Size>({ width: 1, height: 1 });
  const asPicture = playing.value === "picture";
  const { shown, failure, isComing, rendition, choose, lost } = useBest(
    report.id,
    number,
    asPicture ? "picture" : kind,
    asPicture ? ["original"] : stills(file),
  );
  const picture: Size = { width: shown?.width ?? 4, height: shown?.height ?? 3 };
  // A larger rendition is not drawn smaller than it fits, as a small one at 100% was.
  useEffect(() => {
    view.value = zoomed(view.value, 1, picture, room.value);
  }, [picture.width, picture.height]);
  move.current = (command) => {
    const [seen, frame] = [view.value, room.value];
    const step = STEPS[command];
    if (step !== undefined) {
      view.value = pushed(seen, step[0] * STEP_PX, step[1] * STEP_PX, picture, frame);
    } else if (command === "whole") view.value = WHOLE;
    else if (command === "real") view.value = real(seen, picture, frame);
    else view.value = zoomed(seen, command === "closer" ? CLOSER : 1 / CLOSER, picture, frame);
  };
  const isStill = playing.value === null || asPicture;
  const percent = Math.round(100 * scaleOf(view.value, picture, room.value));
  return (
    <>
      {isStill ? (
        <Stage shown={shown} picture={picture} view={view} room={room} onLost={lost}>
          {failure.trim() !== "" && <p class="notice">{failure}</p>}
          {shown === null && isComing && <p class="hint">{say("media.coming")}</p>}
          {shown === null && !isComing && failure === "" && (
            <p class="hint">{say("media.onlyHeard")}</p>
          )}
        </Stage>
      ) : (
        <div class="stage-of-player">
          <Player report={report.id} file={number} form={playing.value ?? "film"} />
        </div>
      )}
      <div class="enlarged-foot">
        <p class="media-actions">
          {isStill &&
            shown !== null &&
            (["farther", "closer", "whole", "real"] as const).map((command) => (
              <button
                type="button"
                key={command}
                class="quiet small"
                onClick={() => move.current?.(command)}
              >
                {say(command === "real" ? "media.real" : `map.${command}`)}
              </button>
            ))}
          {isStill && shown !== null && <span class="hint">{say("media.scale", { percent })}</span>}
          {isStill && <Renditions all={stills(file)} shown={shown?.rendition} onChoose={choose} />}
          {!isStill && stills(file).length > 0 && (
            <button
              type="button"
              class="quiet small"
              onClick={() => {
                playing.value = null;
              }}
            >
              {say("media.asStill")}
            </button>
          )}
          {hasOriginal && kind !== "picture" && (
            <PlayerChoice
              kind={kind}
              forms={forms}
              playing={playing.value}
              onChoose={(form) => {
                playing.value = form;
              }}
            />
          )}
        </p>
        <p>
          {isStill && shown !== null && <Told shown={shown} />}
          {isStill && isComing && shown !== null && shown.rendition !== rendition && (
            <span class="hint"> {say("media.coming")}</span>
          )}
        </p>
        <p class="hash">
          <span class="hint">{say("files.hash")}</span> <code>{file.sha256}</code>
        </p>
        {isStill && <p class="hint">{say("media.enlargedHint")}</p>}
      </div>
    </>
  );
}
