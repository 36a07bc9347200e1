/** How the editors' app is built: into dist/desk, for browsers of today, on one's own machine. */
import { join } from "node:path";
import { defineConfig } from "vite";

const WEB = join(import.meta.dirname, "..");

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    outDir: join(process.env.WEB_DIST ?? join(WEB, "dist"), "desk"),
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Small files would else become data addresses, which the page's policy forbids.
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    // The outlines of the countries are a file of their own that the map alone loads.
    chunkSizeWarningLimit: 800,
  },
});
