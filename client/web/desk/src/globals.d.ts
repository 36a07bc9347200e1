/** What the build gives to the editors' app. */
/// <reference types="vite/types/importMeta.d.ts" />
