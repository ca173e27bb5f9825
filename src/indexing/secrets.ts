// Which files are never read because their name says that they hold credentials, or never kept because their beginning does. Nothing here opens a
// file, and no setting or ignore file can switch the list off, since an index would keep what it read.

/** What editors and people put behind the name of a file that they keep a copy of. */
const copyEnding = /(~|\.(bak|backup|old|orig|save|\d+))+$/;
const keyFile = /\.(pem|key|p8|p12|pfx|pkcs12|jks|keystore|kdbx?|ppk|ovpn|gpg|tfstate|tfvars(\.json)?|kubeconfig|agekey|mobileprovision)$/;
/** Armoured keys; an .asc may as well be a document. */
const armouredKey = /(private|secret|secring|[._-]key).*\.asc$/;
const dotEnv = /^\.env(rc)?($|[._-])|^env\.(local|production|staging)$|\.env(\.(local|dev\w*|test|staging|prod\w*))?$/;
const template = /[._-](example|sample|template|dist|defaults?|schema)(\.[a-z]+)?$/;
const sshKey = /^id_(rsa|dsa|ecdsa|ed25519)($|[._-])|_(rsa|dsa|ecdsa|ed25519)(_sk)?(_key)?(\.pub)?$/;
const named = /^(.*[._-])?(client|smb|cifs[-_])?(credentials?|creds|secrets?|service[-_]?account([-_]?key)?|firebase[-_]adminsdk|vault[-_]pass(word)?|kubeconfig|private[-_]?key|deploy[-_]?key)([._-].*)?$/;
/**
 * What only has the form of secrets: templates of charts, which are filled in, and what an interface says of them or data looks like. Not what tools write
 * under such names (`client_secret_7.apps.json`, `secrets.enc.yaml`), wherever it lies.
 */
const formName = "([^/]+/)*(\\w[\\w.-]*[._-])?(credentials?|creds|secrets?|service[-_]?accounts?)([-_][\\w-]+)?";
const forms: readonly RegExp[] = [
  new RegExp(`(^|/)(templates|crds?)/${formName}\\.ya?ml$`),
  new RegExp(`(^|/)(schemas?|locales?|i18n|l10n|translations|lang/[a-z]{2}([-_][a-z]{2})?)/${formName}\\.(ya?ml|json)$`),
];
/** Lists of them; the same words may be the texts of a page (`passwords.json`), a mail (`reset_password.txt`) or a schema (`access-token.yaml`). */
const listed = /^(passwords?\.(txt|csv)|passwd|shadow|(.*[._-])?(token|api[-_]?keys?|(access|auth)[-_]?(key|token)s?)(\.(txt|csv))?|api[-_]?keys\.json)$/;
const histories = /^\.?(\w+[-_]history|z?history|histfile|lesshst|viminfo)$/;

/** Files of tools that keep a token or password under a fixed name. */
const exactNames: ReadonlySet<string> = new Set([
  ".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".dockercfg", ".dockerconfigjson", ".s3cfg",
  ".boto", ".vault-token", "token.json", ".yarnrc.npm", ".yarnrc.yml", "local.settings.json", "wallet.dat", ".terraformrc", "terraform.rc", ".authinfo",
  "pgpass.conf", ".mylogin.cnf", ".netrc.txt", ".databrickscfg", ".renviron", ".passwd-s3fs", "rclone.conf", "kaggle.json", "ngrok.yml", ".fetchmailrc", ".msmtprc", "msmtprc",
  "htpasswd", "key.properties", "keystore.properties", "signing.properties", "chap-secrets", "wpa_supplicant.conf", "settings-security.xml", ".claude.json",
]);

/** Folders in a home directory whose every file is suspect; matter when someone opens a dotfiles folder. */
const folders: ReadonlySet<string> = new Set([
  ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store", ".oci", ".kaggle", ".huggingface", ".snowflake", ".terraform.d", ".m2", ".mozilla",
  ".thunderbird", ".pki", ".twilio-cli", ".snowsql",
]);
const inHome = /(^|\/)(\.config\/(gh|glab-cli|hub|gcloud|rclone|doctl|op|stripe|pulumi|configstore|containers)(\/|$)|\.(codex|composer|vercel)\/auth\.json$)/;
/** In a folder of secrets the data; not the code about them, and what builds it. */
const inSecrets = /(^|\/)\.?secrets\/(.*\/)?(?!(package|tsconfig|project|kustomization|chart|values|openapi)\.)[^/]*\.(ya?ml|json|env|enc|ini|properties)$/;

/**
 * `credentials.go` or `secrets.ts` is code about secrets and what people search for; `credentials.json` or a bare `secrets` holds them.
 * So the vague names count only with one of these endings or none at all.
 */
const dataEndings: ReadonlySet<string> = new Set([
  "", "json", "yaml", "yml", "toml", "ini", "cfg", "conf", "xml", "properties", "txt", "csv", "enc", "plist", "env", "pub", "db", "dat", "secrets", "credentials", "token",
]);
const isData = (name: string): boolean => {
  const dot = name.lastIndexOf(".");
  return dataEndings.has(dot <= 0 ? "" : name.slice(dot + 1));
};

/** @param path relative, with "/" as separator. */
export function isSecret(path: string): boolean {
  const parts = path.toLowerCase().split("/");
  // Emacs puts what is not saved yet between two marks.
  const name = (parts.pop() ?? "").replace(/^#(.+)#$/, "$1").replace(copyEnding, "");
  if (parts.some((part) => folders.has(part)) || inHome.test(path.toLowerCase())) return true;
  // Ahead of the templates: `nginx.default.pem` is the key of a default server, not an example of one.
  if (keyFile.test(name) || armouredKey.test(name)) return true;
  if (template.test(name)) return false;
  if (exactNames.has(name) || dotEnv.test(name) || histories.test(name) || listed.test(name)) return true;
  const whole = [...parts, name].join("/");
  const isForm = forms.some((form) => form.test(whole));
  return isData(name) && (sshKey.test(name) || (named.test(name) && !isForm) || inSecrets.test(whole));
}

/** How far the beginning of a file goes: a cluster's settings have certificates before the key. */
const HEAD = 20_000;
/** Whole files of keys, as their tools write them. Code and documents that speak of such files quote them further in, or without the key. */
const beginnings: readonly RegExp[] = [
  /^\s*-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----/,
  /^PuTTY-User-Key-File-\d/,
  /^\$ANSIBLE_VAULT;/,
  /^(#.*\n|\s)*AGE-SECRET-KEY-1[A-Z0-9]{20}/,
  /^\s*\[Interface\](\n(?!\[).*)*\nPrivateKey[ \t]*=[ \t]*[A-Za-z0-9+\/]{40}/i,
  /^\s*\{(?=[\s\S]{0,500}"type"\s*:\s*"service_account")[\s\S]{0,1000}"private_key"\s*:\s*"-----BEGIN/,
  // The same for other programs, or cut down to what one of them reads: by the key itself.
  /^\s*\{[\s\S]{0,1000}"private_key"\s*:\s*"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----\\n[A-Za-z0-9+/]{40}/,
];

/** Keys lie about under any name: Google calls a service account's after the project, and a cluster's settings are `config`. */
export function isPrivateKey(text: string): boolean {
  const head = text.slice(0, HEAD);
  return beginnings.some((beginning) => beginning.test(head)) || (head.includes("client-key-data:") && /^kind:[ \t]*Config[ \t]*$/m.test(head));
}
