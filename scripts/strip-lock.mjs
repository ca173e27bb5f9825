// Takes the registry addresses out of package-lock.json, so that any mirror serves it. Run after every `npm install`
// (npm's own omit-lockfile-registry-resolved loses the versions of other platforms' packages, so it cannot be used).
import { readFileSync, writeFileSync } from "node:fs";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const entry of Object.values(lock.packages)) delete entry.resolved;
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
