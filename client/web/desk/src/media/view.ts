/**
 * Which part of a picture is seen in a window: how many times larger than where it fits, and the
 * point of it in the middle, in parts of 1. It stays when a better rendition of the picture comes.
 */

export interface View {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}
export interface Size {
  readonly width: number;
  readonly height: number;
}
/** In the window's pixels. */
export interface Frame extends Size {
  readonly left: number;
  readonly top: number;
}

export const WHOLE: View = { zoom: 1, x: 0.5, y: 0.5 };
export const CLOSER = 1.25;
/** Pixels of the window for one of the picture, at most. */
const MOST_SCALE = 8;

/** The window's pixels for one of the picture where all of it is seen. */
export function fitting(picture: Size, window: Size): number {
  return Math.min(window.width / picture.width, window.height / picture.height);
}

/** The same in this view. */
export function scaleOf(view: View, picture: Size, window: Size): number {
  return view.zoom * fitting(picture, window);
}

/** So many times closer, around a point in parts of the window; nothing is drawn too large. */
export function zoomed(
  view: View,
  by: number,
  picture: Size,
  window: Size,
  at: { readonly x: number; readonly y: number } = { x: 0.5, y: 0.5 },
): View {
  const fit = fitting(picture, window);
  const most = Math.max(1, MOST_SCALE / fit);
  const zoom = Math.min(Math.max(view.zoom * by, Math.min(1, 1 / fit)), most);
  const shift = (part: number, side: "width" | "height") =>
    (((part - 0.5) * window[side]) / (fit * picture[side])) * (1 / view.zoom - 1 / zoom);
  const next = { zoom, x: view.x + shift(at.x, "width"), y: view.y + shift(at.y, "height") };
  return within(next, picture, window);
}

/** A pixel of the picture on one of the window. */
export function real(view: View, picture: Size, window: Size): View {
  return zoomed(view, 1 / scaleOf(view, picture, window), picture, window);
}

/** The picture pushed by so many of the window's pixels. */
export function pushed(view: View, dx: number, dy: number, picture: Size, window: Size): View {
  const scale = scaleOf(view, picture, window);
  const x = view.x - dx / (scale * picture.width);
  const y = view.y - dy / (scale * picture.height);
  return within({ ...view, x, y }, picture, window);
}

/** Where the picture is drawn. */
export function frameOf(view: View, picture: Size, window: Size): Frame {
  const scale = scaleOf(view, picture, window);
  const [width, height] = [scale * picture.width, scale * picture.height];
  const seen = within(view, picture, window);
  return {
    width,
    height,
    left: window.width / 2 - seen.x * width,
    top: window.height / 2 - seen.y * height,
  };
}

/** No edge of the picture goes further in than the window's, and what fits stays in the middle. */
function within(view: View, picture: Size, window: Size): View {
  const scale = scaleOf(view, picture, window);
  const side = (at: number, length: number, room: number) => {
    const half = room / (2 * scale * length);
    return half >= 0.5 ? 0.5 : Math.min(Math.max(at, half), 1 - half);
  };
  return {
    zoom: view.zoom,
    x: side(view.x, picture.width, window.width),
    y: side(view.y, picture.height, window.height),
  };
}
