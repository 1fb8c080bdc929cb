// Bundles src/ into the Python package: one script for all pages and those that only some load, one style sheet, one icon,
// and a manifest of their hashed names.
import { build } from "esbuild";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "src", "tallyglass", "web", "static");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["src/app.ts", "src/secrets.ts", "src/wizard.ts", "src/charts.ts", "src/app.css", "src/icon.svg"],
  entryNames: "[name]-[hash]",
  outdir: out,
  bundle: true,
  minify: true,
  metafile: true,
  target: ["chrome123", "firefox120", "safari17.5"],
  loader: { ".svg": "copy" },
  legalComments: "none",
  logLevel: "warning",
});

const names = {};
for (const [file, made] of Object.entries(metafile.outputs)) {
  const source = made.entryPoint ?? Object.keys(made.inputs)[0];
  if (source) names[basename(source).replace(/\.ts$/, ".js")] = basename(file);
}
writeFileSync(join(out, "manifest.json"), JSON.stringify(names, null, 2) + "\n");

// Pressed once here, so that no server does it again for every browser.
for (const name of Object.values(names).filter((each) => /\.(js|css|svg)$/.test(each))) {
  const whole = readFileSync(join(out, name));
  writeFileSync(join(out, `${name}.br`), brotliCompressSync(whole));
  writeFileSync(join(out, `${name}.gz`), gzipSync(whole, { level: 9 }));
}
