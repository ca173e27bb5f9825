// Which files are never read because their name says that they hold credentials, or never kept because their first line does. Nothing here opens a
// file, and no setting or ignore file can switch the list off, since an index would keep what it read.

/** What editors and people put behind the name of a file that they keep a copy of. */
const copyEnding = /(~|\.(bak|backup|old|orig|save|\d+))+$/;
const keyFile = /\.(pem|key|p8|p12|pfx|pkcs12|jks|keystore|kdbx?|ppk|ovpn|gpg|tfstate|tfvars(\.json)?|kubeconfig|agekey|mobileprovision)$/;
/** Armoured keys; an .asc may as well be a document. */
const armouredKey = /(private|secret|secring|[._-]key).*\.asc$/;
const dotEnv = /^\.env(rc)?($|[._-])|\.env(\.(local|dev\w*|test|staging|prod\w*))?$/;
const template = /[._-](example|sample|template|dist|defaults?|schema)(\.[a-z]+)?$/;
const sshKey = /^id_(rsa|dsa|ecdsa|ed25519)(_sk)?($|[._-])|_(rsa|dsa|ecdsa|ed25519)(_sk)?(_key)?(\.pub)?$/;
const named = /^(.*[._-])?(client)?(credentials?|secrets?|service[-_]?account([-_]?key)?|firebase[-_]adminsdk|vault[-_]pass(word)?|kubeconfig)([._-].*)?$/;
const shellHistory = /^\.(\w+_history|z?history|histfile)$/;

/** Files of tools that keep a token or password under a fixed name. */
const exactNames: ReadonlySet<string> = new Set([
  ".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".dockercfg", ".dockerconfigjson", ".s3cfg",
  ".boto", ".vault-token", "token.json", ".yarnrc.npm", ".yarnrc.yml", "local.settings.json", "wallet.dat", ".terraformrc", "terraform.rc", ".authinfo",
]);

/** Folders in a home directory whose every file is suspect; matter when someone opens a dotfiles folder. */
const folders: ReadonlySet<string> = new Set([".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store"]);

/**
 * `credentials.go` or `secrets.ts` is code about secrets and what people search for; `credentials.json` or a bare `secrets` holds them.
 * So the vague names count only with one of these endings or none at all.
 */
const dataEndings: ReadonlySet<string> = new Set([
  "", "json", "yaml", "yml", "toml", "ini", "cfg", "conf", "xml", "properties", "txt", "csv", "enc", "plist", "env", "pub", "db", "dat",
]);

/** @param path relative, with "/" as separator. */
export function isSecret(path: string): boolean {
  const parts = path.toLowerCase().split("/");
  const name = (parts.pop() ?? "").replace(copyEnding, "");
  if (parts.some((part) => folders.has(part))) return true;
  // Ahead of the templates: `nginx.default.pem` is the key of a default server, not an example of one.
  if (keyFile.test(name) || armouredKey.test(name)) return true;
  if (template.test(name)) return false;
  if (exactNames.has(name) || dotEnv.test(name) || shellHistory.test(name)) return true;
  if (!sshKey.test(name) && !named.test(name)) return false;
  const dot = name.lastIndexOf(".");
  return dataEndings.has(dot <= 0 ? "" : name.slice(dot + 1));
}

/** Keys lie about under any name, and every tool writes this line first. */
export function beginsAsPrivateKey(text: string): boolean {
  return /^\s*-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----/.test(text.slice(0, 200));
}
