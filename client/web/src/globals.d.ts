/** What the build writes into the app. */

/** Whether this is the single file that opens from a memory card. */
declare const __SINGLE_FILE__: boolean;
/** SHA-256 of qanat.html in hexadecimal, which lies beside the served app; empty in qanat.html itself. */
declare const __FINGERPRINT__: string;

declare module "*.css" {}

declare module "*.wasm?url&inline" {
  const address: string;
  export default address;
}

declare module "*?worker" {
  const made: new () => Worker;
  export default made;
}

/** Not in TypeScript's own types, nor in every browser. */
declare class BarcodeDetector {
  constructor(options: { readonly formats: readonly string[] });
  detect(picture: CanvasImageSource): Promise<readonly { readonly rawValue: string }[]>;
}
