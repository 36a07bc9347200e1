/** How the shared vectors become a script for a browser, which tests/web loads. */
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    target: ["chrome87", "firefox91", "safari14"],
    outDir: "dist/vectors",
    lib: { entry: "test/browser.ts", formats: ["es"], fileName: "vectors" },
  },
});
