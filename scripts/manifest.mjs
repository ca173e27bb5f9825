#!/usr/bin/env node
// Writes package.json's VS Code part and package.nls.json from src/extension/contributions.ts (`npm run manifest`),
// or, without --write, says that they are stale.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { commands, keybindings, labels, menus, restrictedSettings, settings, tools, views, walkthrough } from "../src/extension/contributions.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const short = (id) => id.replace(/^strata[._]/, "");

/** @returns {{manifest: object, nls: Record<string, string>}} the keys of package.json this file owns, and every text they refer to. */
export function expectedManifest() {
  const nls = {};
  const text = (key, value) => {
    nls[key] = value;
    return `%${key}%`;
  };
  const setting = ([key, { description, enum: choices, ...rest }]) => [
    key,
    {
      ...rest,
      ...(rest.type === "array" ? { items: { type: "string" } } : {}),
      ...(choices ? { enum: Object.keys(choices), markdownEnumDescriptions: Object.entries(choices).map(([value, meaning]) => text(`setting.${short(key)}.${value}`, meaning)) } : {}),
      markdownDescription: text(`setting.${short(key)}`, description),
    },
  ];
  const contributes = {
    commands: Object.entries(commands).map(([command, { title, ...rest }]) => ({ command, title: text(`command.${short(command)}`, title), category: "Strata", ...rest })),
    keybindings,
    menus,
    viewsContainers: { activitybar: [{ id: views.container, title: text("view.container", labels.containerTitle), icon: "media/activity.svg" }] },
    views: { [views.container]: [{ id: views.search, name: text("view.search", labels.searchViewName), type: "webview", icon: "media/activity.svg", contextualTitle: text("view.container", labels.containerTitle) }] },
    configuration: { title: "Strata", properties: Object.fromEntries(Object.entries(settings).map(setting)) },
    languageModelTools: Object.entries(tools).map(([name, tool]) => ({
      name,
      tags: ["code-search", "strata"],
      toolReferenceName: tool.reference,
      canBeReferencedInPrompt: true,
      displayName: text(`tool.${short(name)}`, tool.displayName),
      userDescription: text(`tool.${short(name)}.user`, tool.userDescription),
      modelDescription: tool.modelDescription,
      icon: tool.icon,
      inputSchema: tool.inputSchema,
    })),
    walkthroughs: [
      {
        id: "start",
        title: text("walkthrough.title", labels.walkthroughTitle),
        description: text("walkthrough.description", labels.walkthroughDescription),
        steps: walkthrough.map((step) => ({
          id: step.id,
          title: text(`walkthrough.${step.id}`, step.title),
          description: text(`walkthrough.${step.id}.description`, step.description),
          media: { svg: `media/walkthrough/${step.image}`, altText: text(`walkthrough.${step.id}.alt`, step.alt) },
          completionEvents: [step.done],
        })),
      },
    ],
  };
  const manifest = {
    main: "./dist/extension.cjs",
    icon: "media/icon.png",
    categories: ["Machine Learning", "Programming Languages", "Other"],
    keywords: ["semantic search", "code search", "embeddings", "similar code", "duplicates"],
    extensionKind: ["workspace"],
    activationEvents: ["onStartupFinished"],
    capabilities: {
      untrustedWorkspaces: { supported: true, restrictedConfigurations: restrictedSettings, description: text("trust.untrusted", labels.untrusted) },
      virtualWorkspaces: { supported: false, description: text("trust.virtual", labels.virtual) },
    },
    contributes,
  };
  return { manifest: JSON.parse(JSON.stringify(manifest)), nls };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { manifest, nls } = expectedManifest();
  const expected = { "package.json": { ...JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")), ...manifest }, "package.nls.json": nls };
  for (const [name, content] of Object.entries(expected)) {
    const file = path.join(root, name);
    const text = `${JSON.stringify(content, null, 2)}\n`;
    if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
    if (process.argv.includes("--write")) writeFileSync(file, text);
    else {
      console.error(`${name} is not what src/extension/contributions.ts says. Run: npm run manifest`);
      process.exitCode = 1;
    }
  }
}
