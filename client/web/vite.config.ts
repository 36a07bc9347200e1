/**
 * How the web app is built and tested. `--mode single` makes dist/qanat.html, all of the app in one
 * file; the other build makes dist/app, which relays and `qanat app` serve, with qanat.html and its
 * fingerprint in it. So the single file comes first: `npm run build`.
 */
import { createHash } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { numberedMessages } from "./build/numberedMessages.ts";
import { shortPrivateNames } from "./build/shortPrivateNames.ts";
import { withoutDetails } from "./build/withoutDetails.ts";

const TARGETS = ["es2020", "chrome87", "safari14", "firefox91"];
const HAS_OWN = "((of, name) => Object.prototype.hasOwnProperty.call(of, name))";
const SINGLE_FILE = "qanat.html";
/** What a first visit does without until it is asked for: see src/worker/sw.ts. */
const LATER = /^(?:assets\/(?:kk|ru|en|de|fa|decode)-|icon-512|notes(?!\.html|\.css))/;
/** Another folder where a test builds. */
const DIST = process.env.WEB_DIST ?? join(import.meta.dirname, "dist");

export default defineConfig(({ mode, command }) => {
  const isSingle = mode === "single";
  const isServed = command === "build" && mode === "production";
  return {
    base: "./",
    publicDir: isSingle ? false : "public",
    define: {
      // The libraries ask for it, and it is younger than the targets.
      ...(command === "build" ? { "Object.hasOwn": HAS_OWN } : {}),
      __SINGLE_FILE__: JSON.stringify(isSingle),
      __FINGERPRINT__: JSON.stringify(isServed ? fingerprint() : ""),
    },
    oxc: {
      jsx: { runtime: "automatic", importSource: "preact" },
      assumptions: { setPublicClassFields: true },
    },
    plugins: [...smaller(), ...(isSingle ? [workersInside(), inOneFile()] : [withServiceWorker()])],
    worker: {
      format: "iife",
      plugins: smaller,
      rolldownOptions: { output: { comments: { annotation: false } } },
    },
    build: {
      target: TARGETS,
      outDir: join(DIST, isSingle ? "single" : "app"),
      emptyOutDir: true,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      // Small files would else become data addresses, which the served app's policy forbids.
      assetsInlineLimit: 0,
      cssCodeSplit: false,
      ...(isServed ? { rolldownOptions: served() } : {}),
      ...(isSingle ? { rolldownOptions: { output: { codeSplitting: false } } } : {}),
    },
    test: { include: ["test/**/*.test.ts", "desk/test/**/*.test.ts"], testTimeout: 60_000 },
  };
});

/** What makes scripts smaller, the page's and the worker's. */
function smaller(): Plugin[] {
  return [withoutDetails(), shortPrivateNames(), ...numberedMessages()];
}

function served() {
  return {
    input: { index: "index.html", sw: "src/worker/sw.ts" },
    output: {
      entryFileNames: ({ name }: { name: string }) =>
        name === "sw" ? "sw.js" : "assets/[name]-[hash].js",
    },
  };
}

/** SHA-256 of the single file as it lies in dist; it must have been built. */
function fingerprint(): string {
  return sha256(readFileSync(join(DIST, SINGLE_FILE))).toString("hex");
}

function sha256(data: Buffer | string): Buffer {
  return createHash("sha256").update(data).digest();
}

/** Writes the list of all files into the service worker, and lays the single file beside it. */
function withServiceWorker(): Plugin {
  const app = join(DIST, "app");
  return {
    name: "qanat:service-worker",
    apply: "build",
    writeBundle() {
      const worker = join(app, "sw.js");
      const names = readdirSync(app, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(app.length + 1))
        .filter((name) => name !== "sw.js" && name !== SINGLE_FILE)
        .sort();
      const all = Buffer.concat(names.map((name) => sha256(readFileSync(join(app, name)))));
      const code = readFileSync(worker, "utf8")
        .replaceAll("__FILES__", JSON.stringify(names))
        .replaceAll("__FIRST__", JSON.stringify(names.filter((name) => !LATER.test(name))))
        .replaceAll("__VERSION__", JSON.stringify(sha256(all).toString("hex").slice(0, 16)));
      writeFileSync(worker, code);
      copyFileSync(join(DIST, SINGLE_FILE), join(app, SINGLE_FILE));
    },
  };
}

/** Workers as Blob addresses, since a page from a memory card can start no other. */
function workersInside(): Plugin {
  return {
    name: "qanat:workers-inside",
    enforce: "pre",
    transform(code, id) {
      if (!/\.tsx?$/.test(id) || !code.includes("?worker")) return null;
      return { code: code.replaceAll(/\?worker(?=["'])/g, "?worker&inline"), map: null };
    },
  };
}

/** Script and style into the page, and the policy that lets exactly these run. */
function inOneFile(): Plugin {
  return {
    name: "qanat:in-one-file",
    apply: "build",
    enforce: "post",
    writeBundle() {
      const folder = join(DIST, "single");
      const files = readdirSync(join(folder, "assets"));
      const content = (suffix: string) => {
        const found = files.filter((name) => name.endsWith(suffix));
        if (found.length !== 1) throw new Error(`one ${suffix} expected: ${found.join(", ")}`);
        return readFileSync(join(folder, "assets", found[0] ?? ""), "utf8");
      };
      // What would end the element early, inside a string of the script.
      const script = content(".js").trim().replaceAll("</script", "<\\/script");
      const style = content(".css").trim();
      const page = readFileSync(join(folder, "index.html"), "utf8")
        .replace(/\s*<(script|link)\b[^>]*(src|href)="\.\/assets[^>]*>(<\/script>)?/g, "")
        .replace(
          "</title>",
          () =>
            `</title>\n<meta http-equiv="Content-Security-Policy" content="${policy(script, style)}">\n<style>${style}</style>`,
        )
        .replace("</body>", () => `<script type="module">${script}</script>\n</body>`);
      writeFileSync(join(DIST, SINGLE_FILE), page);
      rmSync(folder, { recursive: true });
    },
  };
}

function policy(script: string, style: string): string {
  const hashed = (text: string) => `'sha256-${sha256(text).toString("base64")}'`;
  return [
    "default-src 'none'",
    `script-src ${hashed(script)} 'wasm-unsafe-eval'`,
    `style-src ${hashed(style)}`,
    "img-src blob: data:",
    "media-src blob:",
    "connect-src ws: wss: http: https:",
    "worker-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}
