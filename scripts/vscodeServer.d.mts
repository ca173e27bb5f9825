// Types of vscodeServer.mjs, for the tests that use it.
import type { Browser } from "playwright-core";

export interface VsCode {
  readonly server: string;
  readonly node: string;
}
export interface Server {
  readonly port: number;
  readonly url: string;
  readonly authority: string;
  /** Scratch folder with the server's data and log. */
  readonly folder: string;
  readonly logFile: string;
  stop(options?: { readonly keep?: boolean }): Promise<void>;
}
export interface ServerOptions {
  readonly extensionsDir?: string;
  readonly settings?: object;
  /** The workbench honours extensionDevelopmentPath and extensionTestsPath of its address (and shows no toasts). */
  readonly testDriver?: boolean;
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}
export function startServer(vscode: VsCode, options?: ServerOptions): Promise<Server>;
export function installVsix(vscode: VsCode, vsix: string, extensionsDir: string): void;
export function openBrowser(executablePath: string): Promise<Browser>;
export function workbenchUrl(server: Server, folder: string, payload?: readonly (readonly [string, string])[]): string;
export function remoteUri(server: Server, file: string): string;
