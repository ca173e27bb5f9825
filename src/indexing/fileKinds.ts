// What a file is, told from its name: text worth indexing, or a binary, generated or data file, or one of those that stand in
// every repository and answer no question about it.

const binaryEndings: ReadonlySet<string> = new Set(
  (
    "png jpg jpeg gif bmp ico icns webp avif tif tiff psd ai eps heic raw xcf " +
    "woff woff2 ttf otf eot " +
    "mp3 mp4 m4a m4v wav flac ogg opus avi mov mkv webm wmv aac mid " +
    "zip gz tgz bz2 xz zst lz4 7z rar tar jar war ear aar apk ipa dmg iso deb rpm msi cab vsix whl egg nupkg crx xpi " +
    "exe dll so dylib a o obj lib pdb class pyc pyo pyd wasm node elf bin dex rlib rmeta beam hi " +
    "pdf doc docx xls xlsx ppt pptx odt ods odp epub pages numbers " +
    "db sqlite sqlite3 mdb parquet feather arrow orc avro npy npz h5 hdf5 pkl pickle pt pth ckpt safetensors onnx gguf tflite pb joblib mat rds " +
    "glb fbx blend stl 3ds dwg unitypackage uasset umap pack idx swf pcap"
  ).split(" "),
);

/** Text, but rows or shapes rather than anything a person asks about: tables, drawings, the scenes of Unity, and what Unity and Godot write beside each file. */
const dataEndings: ReadonlySet<string> = new Set("csv tsv svg jsonl ndjson geojson log drawio excalidraw unity prefab anim meta import uid".split(" "));

const lockFiles: ReadonlySet<string> = new Set([
  "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "deno.lock", "cargo.lock", "poetry.lock",
  "uv.lock", "pdm.lock", "pipfile.lock", "pixi.lock", "gemfile.lock", "composer.lock", "go.sum", "go.work.sum", "mix.lock", "pubspec.lock",
  "podfile.lock", "package.resolved", "packages.lock.json", "flake.lock", "gradle.lockfile", "module.bazel.lock", ".terraform.lock.hcl", "conda-lock.yml",
]);
const minified = /[.-]min\.(js|mjs|cjs|css)$|\.map$|\.tsbuildinfo$/;

/** What tools skip and how one person's editor looks; tasks and launch configurations say how the project is built and run, and stay. */
const settingsFiles: ReadonlySet<string> = new Set([
  ".editorconfig", ".gitattributes", ".git-blame-ignore-revs", ".gitkeep", ".keep", ".mailmap", ".project", ".classpath", ".vscode/settings.json", ".vscode/extensions.json",
]);
const settingsNames = /^\.[\w-]*ignore$|\.(code-workspace|sublime-project|sublime-workspace|iml)$/;
const settingsFolders = /(^|\/)\.(idea|vs|fleet|zed|settings)\//;

/** Whole licence texts: pages of legal words that are near to every question in prose. Which licence it is also stands in the manifest and the readme. */
const licence = /^(un)?(licen[cs]e|copying)([-._](apache|mit|bsd|gpl|lgpl|agpl|mpl|isc|zlib|boost|bsl|cc0?|epl|lesser|unlicense)[\w.-]*?)?(\.(txt|md|rst|html))?$/;

/** Those of what came from others are called after it, or lie in a folder, which may also hold what builds code about licences. */
const othersLicence = /(^|\/)[^/]+\.licen[cs]e$|(^|\/)[^/]+[-_.]licen[cs]es?\.txt$|(^|\/)licen[cs]es?\/([^/]+\/)*(?!cmakelists|requirements)[^/]+\.txt$/;

/** Why a file of this name is left out, or undefined. @param path relative, with "/" as separator. */
export function unindexedKind(path: string): "binary" | "generated" | "data" | "settings" | "licence" | undefined {
  const lower = path.toLowerCase();
  const parts = lower.split("/");
  const name = parts.at(-1)!;
  if (lockFiles.has(name) || minified.test(name)) return "generated";
  if (settingsFiles.has(name) || settingsFiles.has(parts.slice(-2).join("/")) || settingsNames.test(name) || settingsFolders.test(lower)) return "settings";
  if (licence.test(name) || othersLicence.test(lower)) return "licence";
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return undefined;
  const ending = name.slice(dot + 1);
  return binaryEndings.has(ending) ? "binary" : dataEndings.has(ending) ? "data" : undefined;
}
