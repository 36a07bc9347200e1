/**
 * Reads a card from a square code before the camera. The pictures are looked at in memory and
 * dropped; the camera is let go of as soon as the screen is left.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { say } from "../../languages/messages.ts";
import { SEALING_KEY_BYTES } from "../../protocol/limits.ts";
import { Button, Notice } from "../controls.tsx";
import { codeReader } from "./codeReader.ts";

/** Between two looks. */
const LOOK_MS = 200;
/** Larger pictures read no better and cost more. */
const MOST_PIXELS = 800;

interface CameraProps {
  readonly onText: (text: string) => void;
  readonly onEnd: () => void;
}

type Problem = "desk.camera.denied" | "desk.camera.none";

export function Camera({ onText, onEnd }: CameraProps) {
  const view = useRef<HTMLVideoElement>(null);
  const problem = useSignal<Problem | null>(null);
  const other = useSignal("");
  useEffect(() => {
    const stopper = new AbortController();
    const ends = (text: string) => {
      if (isLinkToCard(text)) {
        onEnd();
        onText(text);
      } else other.value = text;
    };
    watch(view, stopper.signal, ends).catch((thrown: unknown) => {
      const isDenied = thrown instanceof DOMException && thrown.name === "NotAllowedError";
      problem.value = isDenied ? "desk.camera.denied" : "desk.camera.none";
    });
    return () => stopper.abort();
  }, []);
  if (problem.value !== null) return <Notice kind="bad">{say(problem.value)}</Notice>;
  return (
    <div class="camera">
      <p>{say("desk.camera.hint")}</p>
      <video ref={view} playsInline muted aria-label={say("desk.camera.view")} />
      {other.value !== "" && (
        <Notice kind="warn">
          <p>{say("desk.camera.other")}</p>
          <p class="address" dir="ltr">
            {other.value}
          </p>
        </Notice>
      )}
      <Button onPress={onEnd}>{say("desk.camera.stop")}</Button>
    </div>
  );
}

/** A card stands behind the # of a link and holds a sealing key, so what is shorter is none. */
function isLinkToCard(text: string): boolean {
  const [, fragment = ""] = text.split("#", 2);
  return fragment.length > SEALING_KEY_BYTES;
}

/** Looks through the camera until something is read that ends it, or until it is stopped. */
async function watch(
  view: { readonly current: HTMLVideoElement | null },
  stopped: AbortSignal,
  onText: (text: string) => void,
): Promise<void> {
  const constraints = { video: { facingMode: "environment" }, audio: false };
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  const stop = () => {
    for (const track of stream.getTracks()) track.stop();
  };
  if (stopped.aborted || view.current === null) {
    stop();
    return;
  }
  stopped.addEventListener("abort", stop);
  const film = view.current;
  film.srcObject = stream;
  await film.play();
  const read = await codeReader();
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  while (context !== null && !stopped.aborted) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (film.videoWidth === 0) continue;
    const scale = Math.min(1, MOST_PIXELS / Math.max(film.videoWidth, film.videoHeight));
    canvas.width = Math.round(film.videoWidth * scale);
    canvas.height = Math.round(film.videoHeight * scale);
    context.drawImage(film, 0, 0, canvas.width, canvas.height);
    const text = await read(canvas);
    if (text !== null && !stopped.aborted) onText(text);
  }
}
