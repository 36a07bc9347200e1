/** The processes that tests in Python talk with: the protocol, and the engine. */
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    ssr: true,
    outDir: "dist/harness",
    rolldownOptions: { input: ["test/harness.ts", "test/engineHarness.ts"] },
  },
});
