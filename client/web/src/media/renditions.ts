/**
 * The small pictures that travel ahead of an original: drawn anew through a canvas, so that nothing
 * of what the camera wrote into the file is in them. What the browser can't show has none.
 */
import { MAX_PREVIEW_BYTES, MAX_THUMBNAIL_BYTES } from "../protocol/limits.ts";

export interface Renditions {
  /** JPEG of up to 15,360 bytes. */
  readonly thumbnail: Blob | null;
  /** JPEG of up to 130,048 bytes. */
  readonly preview: Blob | null;
}

const NONE: Renditions = { thumbnail: null, preview: null };
const THUMBNAIL_SIDES = [320, 256, 200, 160, 120, 80, 48];
const PREVIEW_SIDES = [1280, 1024, 800, 640, 480, 320, 200];
const QUALITIES = [0.8, 0.65, 0.5, 0.35, 0.2];
/** A file that takes longer than this to show is left without. */
const PATIENCE_MS = 10_000;

/** Draws both, from a picture or from a frame of a film. */
export async function drawRenditions(file: Blob): Promise<Renditions> {
  const address = URL.createObjectURL(file);
  try {
    if (file.type.startsWith("image/")) {
      const image = await shownImage(address);
      return image === null ? NONE : await drawn(image, image.naturalWidth, image.naturalHeight);
    }
    if (file.type.startsWith("video/")) {
      const film = await shownFrame(address);
      if (film === null) return NONE;
      const found = await drawn(film, film.videoWidth, film.videoHeight);
      film.removeAttribute("src");
      film.load();
      return found;
    }
    return NONE;
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function drawn(source: CanvasImageSource, width: number, height: number) {
  if (width === 0 || height === 0) return NONE;
  const preview = await fitted(source, width, height, PREVIEW_SIDES, MAX_PREVIEW_BYTES);
  const thumbnail = await fitted(source, width, height, THUMBNAIL_SIDES, MAX_THUMBNAIL_BYTES);
  return { thumbnail, preview };
}

/** The largest of the sides and then the best of the qualities that fits, or null. */
async function fitted(
  source: CanvasImageSource,
  width: number,
  height: number,
  sides: readonly number[],
  mostBytes: number,
): Promise<Blob | null> {
  for (const side of sides) {
    const scale = Math.min(1, side / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const context = canvas.getContext("2d");
    if (context === null) return null;
    // What is transparent would else be black in a JPEG.
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(source, 0, 0, canvas.width, canvas.height);
    for (const quality of QUALITIES) {
      const found = await asJpeg(canvas, quality);
      if (found === null) return null;
      if (found.size <= mostBytes) return found;
    }
  }
  return null;
}

function asJpeg(canvas: HTMLCanvasElement, quality: number): Promise<Blob | null> {
  return new Promise((resolve) => {
    canvas.toBlob(
      (blob) => resolve(blob?.type === "image/jpeg" ? blob : null),
      "image/jpeg",
      quality,
    );
  });
}

function shownImage(address: string): Promise<HTMLImageElement | null> {
  const image = new Image();
  const shown = settled(image, "load");
  image.src = address;
  return shown.then((isShown) => (isShown ? image : null));
}

/** A film that stands at a frame a second in, or halfway where it is shorter. */
async function shownFrame(address: string): Promise<HTMLVideoElement | null> {
  const film = document.createElement("video");
  film.muted = true;
  film.playsInline = true;
  film.preload = "auto";
  const loaded = settled(film, "loadeddata");
  film.src = address;
  if (!(await loaded)) return null;
  const half = Number.isFinite(film.duration) ? film.duration / 2 : 0;
  const sought = settled(film, "seeked");
  film.currentTime = Math.min(1, half);
  return (await sought) ? film : null;
}

/** Whether the event comes before an error and in time. */
function settled(target: EventTarget, event: string): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), PATIENCE_MS);
    const end = (isGood: boolean) => {
      clearTimeout(timer);
      resolve(isGood);
    };
    target.addEventListener(event, () => end(true), { once: true });
    target.addEventListener("error", () => end(false), { once: true });
  });
}
