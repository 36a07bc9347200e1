/**
 * Reads a square code in a picture: by a library, which is loaded when it is called for. The single
 * file has to stay small and leaves it to the browser; Chrome on Android can.
 */

/** Whether a camera is of use here. */
export const canReadCodes = !__SINGLE_FILE__ || typeof BarcodeDetector !== "undefined";

/** The text of the code in a picture, or null: most pictures hold none. */
export type CodeReader = (picture: HTMLCanvasElement) => Promise<string | null>;

/** Loads what reads codes; throws where that can't be had. */
export async function codeReader(): Promise<CodeReader> {
  return __SINGLE_FILE__ ? browsersReader() : await libraryReader();
}

function browsersReader(): CodeReader {
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (picture) => {
    const [found] = await detector.detect(picture);
    return found?.rawValue ?? null;
  };
}

async function libraryReader(): Promise<CodeReader> {
  const { decodeQR } = await import("qr/decode.js");
  return async (picture) => {
    const pixels = picture.getContext("2d")?.getImageData(0, 0, picture.width, picture.height);
    if (pixels === undefined) return null;
    try {
      return decodeQR(pixels);
    } catch (error) {
      if (error instanceof Error) return null;
      throw error;
    }
  };
}
